// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See access.h. An administrator handles no alerts: who makes the users does not judge what they do.
#include "access.h"

#include <string.h>

static const struct {
	char name[12];
	bool may[WEB_PERMISSIONS];
	bool masked;
} roles[WEB_ROLES] = {
	[WEB_VIEWER] = {"viewer", {[WEB_MAY_VIEW] = true}, false},
	[WEB_ORG_VIEWER] = {"org_viewer", {[WEB_MAY_VIEW] = true}, true},
	[WEB_ANALYST] = {"analyst", {[WEB_MAY_VIEW] = true, [WEB_MAY_TRIAGE] = true}, false},
	[WEB_LEAD] = {"lead", {[WEB_MAY_VIEW] = true, [WEB_MAY_TRIAGE] = true, [WEB_MAY_SUPPRESS] = true}, false},
	[WEB_AUDITOR] = {"auditor", {[WEB_MAY_VIEW] = true, [WEB_MAY_AUDIT] = true}, false},
	[WEB_ADMIN] = {"admin", {[WEB_MAY_USERS] = true}, false},
};

bool web_role_may(enum web_role role, enum web_permission permission)
{
	return (unsigned)role < WEB_ROLES && (unsigned)permission < WEB_PERMISSIONS && roles[role].may[permission];
}

const char *web_role_name(enum web_role role)
{
	return (unsigned)role < WEB_ROLES ? roles[role].name : "";
}

int web_role_find(const char *name)
{
	for (int i = 0; i < WEB_ROLES; i++)
		if (strcmp(roles[i].name, name) == 0)
			return i;
	return -1;
}

bool web_access_view(const struct web_user *user, enum web_permission permission, bool global, struct web_view *ret)
{
	memset(ret, 0, sizeof *ret); // whatever happens, a view that was not given shows nothing
	if (!user || user->off || user->must_change || !web_role_may(user->role, permission) || (global && !user->scope.all))
		return false;
	ret->user = user;
	ret->scope = user->scope;
	ret->masked = roles[user->role].masked;
	return true;
}

bool web_access_session(const struct web_user *user, bool own, struct web_view *ret)
{
	memset(ret, 0, sizeof *ret);
	if (!user || user->off || (user->must_change && !own))
		return false;
	ret->user = user;
	ret->masked = user->role >= WEB_ROLES || roles[user->role].masked;
	if (web_role_may(user->role, WEB_MAY_VIEW))
		ret->scope = user->scope;
	return true;
}

bool web_access_sees(const struct web_view *view, const uint64_t bodies[WEB_BODY_WORDS])
{
	if (view->scope.all)
		return true;
	uint64_t common = 0;
	for (unsigned i = 0; i < WEB_BODY_WORDS; i++)
		common |= view->scope.body[i] & bodies[i];
	return common != 0;
}
