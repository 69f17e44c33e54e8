// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See crash_policy.h. A linear table: deaths are rare and cost a fork anyway, and a worker looks only as far as targets
// have ever been used. A worker that reads a target while the zygote replaces it may judge one flow by the other's
// rule; that is cheaper than a lock that a killed process could leave behind.
#include "dissector/crash_policy.h"

#include <stdbool.h>
#include <string.h>

#include "base/time.h"

#define WINDOW_NS (YG_POLICY_WINDOW_S * YG_NS_PER_S)

static bool same_target(const struct yg_policy_target *target, uint8_t af, const struct yg_addr *addr, uint16_t port)
{
	return target->port == port && target->af == af && memcmp(&target->addr, addr, sizeof *addr) == 0;
}

static bool before(int64_t now_ns, int64_t until_ns)
{
	// A clock that ran back must not make a pause of a minute one of years.
	return now_ns < until_ns && until_ns - now_ns <= WINDOW_NS;
}

static int64_t last_death(const struct yg_policy_target *target)
{
	return target->deaths > 0 ? target->died_ns[target->deaths - 1] : INT64_MIN;
}

static struct yg_policy_target *find_or_replace(struct yg_crash_policy *policy, uint8_t af, const struct yg_addr *addr,
                                                uint16_t port)
{
	uint32_t used = atomic_load_explicit(&policy->used, memory_order_relaxed);
	struct yg_policy_target *quietest = &policy->target[0];
	for (uint32_t i = 0; i < used; i++) {
		struct yg_policy_target *target = &policy->target[i];
		if (same_target(target, af, addr, port))
			return target;
		if (last_death(target) < last_death(quietest))
			quietest = target;
	}
	bool full = used == YG_POLICY_TARGETS;
	struct yg_policy_target *target = full ? quietest : &policy->target[used];
	atomic_store_explicit(&target->until_ns, 0, memory_order_release);
	target->addr = *addr;
	target->port = port;
	target->af = af;
	target->deaths = 0;
	policy->evicted += full;
	if (!full)
		atomic_store_explicit(&policy->used, used + 1, memory_order_release);
	return target;
}

static void count_target(struct yg_crash_policy *policy, struct yg_policy_target *target, int64_t now_ns)
{
	if (target->deaths == YG_POLICY_TARGET_DEATHS)
		memmove(target->died_ns, target->died_ns + 1, sizeof target->died_ns - sizeof target->died_ns[0]);
	else
		target->deaths++;
	target->died_ns[target->deaths - 1] = now_ns;
	if (target->deaths < YG_POLICY_TARGET_DEATHS || now_ns - target->died_ns[0] > WINDOW_NS)
		return;
	policy->pauses += !before(now_ns, atomic_load_explicit(&target->until_ns, memory_order_relaxed));
	atomic_store_explicit(&target->until_ns, now_ns + WINDOW_NS, memory_order_release);
}

// recent_ns holds the last 20 deaths: when the oldest of them is less than a second old, this one is more than 20.
static void count_storm(struct yg_crash_policy *policy, int64_t now_ns)
{
	bool storm = before(now_ns, atomic_load_explicit(&policy->storm_until_ns, memory_order_relaxed));
	bool full = policy->recent_count == YG_POLICY_STORM_DEATHS;
	if (full && now_ns - policy->recent_ns[policy->recent_next] < YG_NS_PER_S) {
		policy->pauses += !storm;
		storm = true;
	}
	policy->recent_ns[policy->recent_next] = now_ns;
	policy->recent_next = (policy->recent_next + 1) % YG_POLICY_STORM_DEATHS;
	policy->recent_count += !full;
	if (storm)
		atomic_store_explicit(&policy->storm_until_ns, now_ns + WINDOW_NS, memory_order_release);
}

void yg_crash_policy_death(struct yg_crash_policy *policy, uint8_t af, const struct yg_addr *addr, uint16_t port,
                           int64_t now_ns)
{
	count_storm(policy, now_ns);
	if (addr)
		count_target(policy, find_or_replace(policy, af, addr, port), now_ns);
}

enum yg_policy_mode yg_crash_policy_mode(const struct yg_crash_policy *policy, uint8_t af, const struct yg_addr *addr,
                                         uint16_t port, int64_t now_ns)
{
	uint32_t used = atomic_load_explicit(&policy->used, memory_order_acquire);
	for (uint32_t i = 0; i < used && i < YG_POLICY_TARGETS; i++) {
		const struct yg_policy_target *target = &policy->target[i];
		if (before(now_ns, atomic_load_explicit(&target->until_ns, memory_order_acquire)) &&
		    same_target(target, af, addr, port))
			return YG_POLICY_LEFT_OUT;
	}
	bool storm = before(now_ns, atomic_load_explicit(&policy->storm_until_ns, memory_order_acquire));
	return storm ? YG_POLICY_BOTH_SIDES : YG_POLICY_ALL;
}
