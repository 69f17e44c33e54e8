// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The host side of the plugin interface: loads the detectors that the config enables, checks their descriptors, and calls their hooks
// from one dense array an event. What they raise goes to one function, with organisation and detector filled in.
//
// Thread: the aggregator, except open and close.
#pragma once

#include "config/config.h"
#include "engine/reload.h"
#include "engine/sample.h"
#include "yagura/plugin.h"

struct yg_detectors;

struct yg_detectors_options {
	const struct yg_config *config;
	struct yg_sample_store *sample;
	void (*raise)(void *context, const char *detector, const struct yg_alert *alert);
	void *context;
	struct yg_reload *block; // what `config` belongs to; NULL: it outlives all detectors
	bool resident;           // live: their memory is present from the start, so none is faulted in under attack
};

// Loads and creates. NULL when a detector that is enabled cannot be had; why is logged.
struct yg_detectors *yg_detectors_open(const struct yg_detectors_options *options);
void yg_detectors_close(struct yg_detectors *detectors);

// A reload: those that `options` want, where one whose own options are equal is the one that runs, with all that it knows. NULL when one
// cannot be had (logged). `running` goes on unchanged until yg_detectors_replace, which leaves `next` to run and closes the rest of
// `running`; or yg_detectors_abandon closes the new ones of `next`. Organisations must be the same.
struct yg_detectors *yg_detectors_prepare(const struct yg_detectors *running, const struct yg_detectors_options *options);
void yg_detectors_replace(struct yg_detectors *running, struct yg_detectors *next);
void yg_detectors_abandon(struct yg_detectors *next, const struct yg_detectors *running);

// Their save and restore become parts of the state, "plugin.<name>"; and cease to be. `state` may be NULL. A detector that comes for one of
// the same name (yg_detectors_replace) is given what that one had to save, whatever its options are.
struct yg_state;
void yg_detectors_keep(struct yg_detectors *detectors, struct yg_state *state);
void yg_detectors_forget(struct yg_detectors *detectors, struct yg_state *state);

// YG_NEEDS_* of all detectors together.
uint32_t yg_detectors_needs(const struct yg_detectors *detectors);

uint32_t yg_detectors_needs_of(const struct yg_detectors *detectors, const char *name); // 0: there is none

void yg_detectors_flow(struct yg_detectors *detectors, const struct yg_flow *flow);
void yg_detectors_contact(struct yg_detectors *detectors, const struct yg_contact *contact);
void yg_detectors_dns(struct yg_detectors *detectors, const struct yg_dns *dns);
void yg_detectors_tls(struct yg_detectors *detectors, const struct yg_tls *tls);
void yg_detectors_http(struct yg_detectors *detectors, const struct yg_http *http);
void yg_detectors_window(struct yg_detectors *detectors, const struct yg_window *window);
void yg_detectors_gap(struct yg_detectors *detectors, int64_t from_ns, int64_t to_ns);
void yg_detectors_tick(struct yg_detectors *detectors, int64_t second);

// The second that evidence is taken up to.
void yg_detectors_now(struct yg_detectors *detectors, int64_t second);

// Fills organisation names and the bodies that may see the alert, from alert->org.
void yg_detectors_fill_org(const struct yg_config *config, struct yg_alert *alert);
