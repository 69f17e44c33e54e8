// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Who may do what, and what of the data he may see. Every handler gets a struct web_view, which only web_access_view() makes, and every
// function that reads alerts, groups, series or exports takes one: a handler that forgets the scope does not compile.
//
// Roles (one a user): what they may do is the table in access.c, and nothing else decides. What may not be seen does not exist: 404.
// Scope: bodies, as bits of their index in the registry (web_bodies). A user's scope is that of his account; 'all' is a bit of its own,
// because bodies may come later, and because what belongs to no body is for those alone who see all.
//
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WEB_BODIES = 1024, WEB_BODY_WORDS = WEB_BODIES / 64, WEB_USER_MAX = 64, WEB_CODE_MAX = 16 /* of a body */ };
#define WEB_SYSTEM_ACTOR "yagura" // in histories: what the server did by itself; no user is called so

enum web_role { WEB_VIEWER, WEB_ORG_VIEWER, WEB_ANALYST, WEB_LEAD, WEB_AUDITOR, WEB_ADMIN, WEB_ROLES };

// The permissions of x-role in openapi.yaml.
enum web_permission {
	WEB_MAY_VIEW,     // every role but admin reads alerts; admin reads his own pages
	WEB_MAY_TRIAGE,   // analyst, lead
	WEB_MAY_SUPPRESS, // lead
	WEB_MAY_AUDIT,    // auditor
	WEB_MAY_USERS,    // admin
	WEB_PERMISSIONS,
};

bool web_role_may(enum web_role role, enum web_permission permission);
const char *web_role_name(enum web_role role);
int web_role_find(const char *name); // -1: there is none

struct web_scope {
	bool all;
	uint64_t body[WEB_BODY_WORDS];
};

struct web_user {
	char name[WEB_USER_MAX];
	enum web_role role;
	struct web_scope scope;
	bool off;
	bool must_change; // his password was given to him: he may do nothing else before it is his own (web_access_view)
	int64_t created_ns, login_ns;
	uint64_t version;
};

// What a caller may see. Opaque but for those who ask of one thing whether it may be seen.
struct web_view {
	const struct web_user *user;
	struct web_scope scope;
	bool masked; // org_viewer: inside addresses of other bodies are shown as their body
};

// The only way to a view. False: 403 (he is known, the permission is not his) or 404 by the route's x-scope.
bool web_access_view(const struct web_user *user, enum web_permission permission, bool global, struct web_view *ret);

// A view for routes that ask for a session and no more: one's own things. An administrator's scope is empty there, whatever his account
// says. False: he is off, or has to change his password first and the route is not one of those that let him (`own`).
bool web_access_session(const struct web_user *user, bool own, struct web_view *ret);

// Whether something that concerns these bodies (none: nobody's) may be seen.
bool web_access_sees(const struct web_view *view, const uint64_t bodies[WEB_BODY_WORDS]);
