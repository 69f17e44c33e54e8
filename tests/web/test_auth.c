// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The parts of logging in that need no server: which passwords, how long to wait, the hashing thread, who may do what, accounts as Redis
// has them. Sessions and the rest: auth.test.mjs, over the real server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "accounts.h"
#include "auth.h"
#include "hasher.h"
#include "passwords.h"
#include "waits.h"

static uint64_t state = 0x2545f4914f6cdd1d;

static uint32_t any(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

// ---- passwords ----

static void passwords_are_judged(void **unused)
{
	(void)unused;
	static const char *const context[] = {"sato", "瀬越市", "霧瀬越", "kirisegoe", "320005", NULL};
	static const struct {
		const char *password;
		enum web_password verdict;
	} table[] = {
	    {"", WEB_PASSWORD_SHORT},
	    {"夕焼けの堤防を走る犬", WEB_PASSWORD_SHORT},
	    {"kx7-Vm2p-qQ", WEB_PASSWORD_SHORT},
	    {"夕焼けの堤防を走る犬と猫", WEB_PASSWORD_GOOD},
	    {"kx7-Vm2p-qQ9", WEB_PASSWORD_GOOD},
	    {"correct horse battery staple", WEB_PASSWORD_GOOD},
	    {"password1234", WEB_PASSWORD_COMMON},
	    {"P@ssw0rd2026!!", WEB_PASSWORD_COMMON},
	    {"qwertyuiop[]", WEB_PASSWORD_COMMON},
	    {"1qaz2wsx3edc", WEB_PASSWORD_COMMON},
	    {"abcdefghijkl", WEB_PASSWORD_COMMON},
	    {"ponmlkjihgfe", WEB_PASSWORD_COMMON},
	    {"123456789012", WEB_PASSWORD_COMMON},
	    {"aaaaaaaaaaaa", WEB_PASSWORD_COMMON},
	    {"abcabcabcabc", WEB_PASSWORD_COMMON},
	    {"19700101!abc", WEB_PASSWORD_COMMON},
	    {"dragonmonkeymaster", WEB_PASSWORD_COMMON},
	    {"sakura20261122", WEB_PASSWORD_COMMON},
	    {"パスワードパスワードパス", WEB_PASSWORD_COMMON},
	    {"ＰＡＳＳＷＯＲＤ１２３４", WEB_PASSWORD_COMMON},
	    {"あいうえおかきくけこ12", WEB_PASSWORD_COMMON},
	    {"管理者管理者管理者管理者", WEB_PASSWORD_COMMON},
	    {"Yagura-2026!", WEB_PASSWORD_CONTEXT},
	    {"s4t0_s4t0_s4t0", WEB_PASSWORD_CONTEXT},
	    {"sato20261122", WEB_PASSWORD_CONTEXT},
	    {"霧瀬越2026年1122", WEB_PASSWORD_CONTEXT},
	    {"KiriSegoe320005", WEB_PASSWORD_CONTEXT},
	    {"not text \xff\xfe..", WEB_PASSWORD_NOT_TEXT},
	    {"overlong \xc0\xaf...", WEB_PASSWORD_NOT_TEXT},
	    {"half \xed\xa0\x80......", WEB_PASSWORD_NOT_TEXT},
	};
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
		if (web_password_judge(table[i].password, context) != table[i].verdict)
			fail_msg("%s: %d, not %d", table[i].password, web_password_judge(table[i].password, context), table[i].verdict);
}

static void a_password_has_at_most_128_code_points(void **unused)
{
	(void)unused;
	char text[4 * 129 + 1] = "";
	for (unsigned i = 0; i < 128; i++) // four bytes each
		snprintf(text + 4 * i, 5, "\xf0\xa0%c%c", 0x80 + (i * 37) % 64, 0x80 + (i * 23 + i / 7) % 64);
	assert_int_equal(web_password_judge(text, NULL), WEB_PASSWORD_GOOD);
	memcpy(text + 512, "x", 2);
	assert_int_equal(web_password_judge(text, NULL), WEB_PASSWORD_LONG);
}

static void any_bytes_are_judged_in_a_moment(void **unused)
{
	(void)unused;
	struct timespec from, to;
	const char *seeds[] = {"aaaa", "1qaz", "pass", "ab", "\xe3\x81\x82", "0o", "\xff", "!@#$", "2026"};
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned i = 0; i < 3000; i++) {
		char text[600];
		size_t n = 0, want = any(550);
		while (n < want) {
			const char *piece = seeds[any(9)];
			if (any(3)) {
				text[n++] = (char)(1 + any(any(2) ? 127 : 255));
				continue;
			}
			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		text[n] = 0;
		enum web_password verdict = web_password_judge(text, NULL);
		assert_true(verdict <= WEB_PASSWORD_CONTEXT);
		assert_true((verdict == WEB_PASSWORD_GOOD) == (web_password_code(verdict) == NULL));
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true(to.tv_sec - from.tv_sec < 20); // 3,000 of them: some ms each, also with sanitizers on a busy machine
}

// ---- waiting ----

static void five_failures_are_free_and_each_further_waits_longer(void **unused)
{
	(void)unused;
	struct web_waits *w = malloc(sizeof *w);
	int64_t now = 1000000;
	web_waits_init(w);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(web_waits_begin(w, "sato", "192.0.2.1", now), 0);
	for (int i = 0, wait = 1; i < 12; i++, wait = wait < 256 ? 2 * wait : 300) {
		assert_int_equal(web_waits_begin(w, "sato", "192.0.2.1", now), wait);
		assert_int_equal(web_waits_begin(w, "sato", "192.0.2.2", now + 700), 0); // he himself, from elsewhere
		web_waits_take_back(w, "sato", "192.0.2.2");
		now += 1000 * wait;
		assert_int_equal(web_waits_begin(w, "sato", "192.0.2.1", now), 0);
		if (i < 6) // or the address waits too
			w->table[1][0].until_ms = 0, w->table[1][0].failures = 1;
		else
			memset(w->table[1], 0, sizeof w->table[1]);
		memset(w->table[2], 0, sizeof w->table[2]);
	}
	now += 1000 * (WEB_WAIT_FORGET_S + 301);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(web_waits_begin(w, "sato", "192.0.2.1", now), 0); // forgotten
	web_waits_right(w, "sato", "192.0.2.1");
	assert_int_equal(web_waits_begin(w, "sato", "192.0.2.1", now), 0);
	free(w);
}

static void many_names_from_one_house_wait_and_one_name_from_many_waits_shortly(void **unused)
{
	(void)unused;
	struct web_waits *w = malloc(sizeof *w);
	char text[64];
	web_waits_init(w);
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "name%u", i);
		assert_int_equal(web_waits_begin(w, text, i % 2 ? "2001:db8:1:2::1" : "2001:db8:1:2:ffff::9", 1000), 0);
	}
	assert_int_equal(web_waits_begin(w, "name99", "2001:db8:1:2:3:4:5:6", 1000), 1);
	assert_int_equal(web_waits_begin(w, "name99", "2001:db8:1:3::1", 1000), 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "203.0.113.%u", i);
		assert_int_equal(web_waits_begin(w, "suzuki", text, 1000), 0);
	}
	assert_int_equal(web_waits_begin(w, "suzuki", "198.51.100.1", 1000), 1);
	int64_t now = 1000;
	int longest = 0;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(text, sizeof text, "198.51.100.%u", i);
		int wait = web_waits_begin(w, "suzuki", text, now);
		longest = wait > longest ? wait : longest;
		now += 1000 * wait;
		assert_int_equal(web_waits_begin(w, "suzuki", text, now), 0);
	}
	assert_int_equal(longest, 15);
	free(w);
}

static void a_full_table_gives_up_the_stillest_and_counts(void **unused)
{
	(void)unused;
	struct web_waits *w = malloc(sizeof *w);
	char text[64];
	web_waits_init(w);
	for (unsigned i = 0; i < 5; i++)
		web_waits_begin(w, "victim", "192.0.2.9", 900000);
	for (unsigned i = 0; i < WEB_WAITS; i++) {
		snprintf(text, sizeof text, "n%u", i);
		assert_int_equal(web_waits_begin(w, text, text, 1000 + i), 0);
	}
	assert_int_equal(w->pushed_out, WEB_WAIT_KINDS);
	assert_int_equal(web_waits_begin(w, "victim", "192.0.2.9", 900000), 1); // not the one that is still being guessed at
	free(w);
}

// ---- hashing ----

struct rig {
	struct web_loop *loop;
	struct web_hasher *hasher;
	unsigned answered, fits, better, wanted;
	char hash[WEB_HASH_TEXT];
};

static int64_t no_wait(void *context)
{
	(void)context;
	return 50;
}

static void count(struct rig *rig)
{
	if (++rig->answered == rig->wanted)
		web_loop_stop(rig->loop);
}

static void made(void *context, const char *hash)
{
	struct rig *rig = context;
	snprintf(rig->hash, sizeof rig->hash, "%s", hash ? hash : "");
	count(rig);
}

static void checked(void *context, bool fits, const char *better)
{
	struct rig *rig = context;
	rig->fits += fits;
	rig->better += better != NULL;
	if (better)
		snprintf(rig->hash, sizeof rig->hash, "%s", better);
	count(rig);
}

static void give_up(void *context)
{
	struct rig *rig = context;
	web_loop_stop(rig->loop);
}

static struct rig begin(unsigned wanted)
{
	struct rig rig = {.loop = web_loop_create(), .wanted = wanted};
	rig.hasher = web_hasher_create(rig.loop);
	assert_non_null(rig.hasher);
	return rig;
}

static void run(struct rig *rig)
{
	web_loop_every(rig->loop, 30000, give_up, rig);
	web_loop_run(rig->loop, no_wait, NULL);
	assert_int_equal(rig->answered, rig->wanted);
	assert_int_equal(web_hasher_hashes(rig->hasher), rig->wanted);
	web_hasher_destroy(rig->hasher);
	web_loop_destroy(rig->loop);
}

static void sixteen_wait_and_the_seventeenth_is_told_so(void **unused)
{
	(void)unused;
	struct rig rig = begin(WEB_HASHES);
	char long_one[600];
	memset(long_one, 'x', sizeof long_one - 1);
	long_one[sizeof long_one - 1] = 0;
	assert_int_equal(web_hasher_make(rig.hasher, long_one, made, &rig), -EINVAL);
	for (unsigned i = 0; i < WEB_HASHES; i++)
		assert_int_equal(web_hasher_check(rig.hasher, NULL, i == 3 ? long_one : "wrong but long enough", checked, &rig), 0);
	assert_int_equal(web_hasher_check(rig.hasher, NULL, "x", checked, &rig), -EBUSY);
	assert_int_equal(web_hasher_make(rig.hasher, "x", made, &rig), -EBUSY);
	run(&rig);
	assert_int_equal(rig.fits, 0);
}

static void a_hash_fits_its_password_as_typed_and_no_other(void **unused)
{
	(void)unused;
	static const char password[] = " 窓の灯 Ｆｕｌｌ ";
	struct rig rig = begin(1);
	assert_int_equal(web_hasher_make(rig.hasher, password, made, &rig), 0);
	run(&rig);
	assert_memory_equal(rig.hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
	struct rig again = begin(4);
	assert_int_equal(web_hasher_check(again.hasher, rig.hash, password, checked, &again), 0);
	assert_int_equal(web_hasher_check(again.hasher, rig.hash, " 窓の灯 Full ", checked, &again), 0);
	assert_int_equal(web_hasher_check(again.hasher, rig.hash, "", checked, &again), 0);
	assert_int_equal(web_hasher_check(again.hasher, "no hash", password, checked, &again), 0);
	run(&again);
	assert_int_equal(again.fits, 1);
	assert_int_equal(again.better, 0);
}

static void a_hash_of_less_is_made_anew_when_its_password_is_at_hand(void **unused)
{
	(void)unused;
	char weak[WEB_HASH_TEXT];
	assert_int_equal(crypto_pwhash_str_alg(weak, "kx7-Vm2p-qQ9", 12, 1, 8192 * 1024, crypto_pwhash_ALG_ARGON2ID13), 0);
	struct rig rig = begin(2);
	assert_int_equal(web_hasher_check(rig.hasher, weak, "kx7-Vm2p-qQ9", checked, &rig), 0);
	assert_int_equal(web_hasher_check(rig.hasher, weak, "kx7-Vm2p-qQ8", checked, &rig), 0);
	run(&rig);
	assert_int_equal(rig.fits, 1);
	assert_int_equal(rig.better, 1);
	assert_int_equal(crypto_pwhash_str_needs_rehash(rig.hash, WEB_HASH_PASSES, WEB_HASH_BYTES), 0);
	assert_int_equal(crypto_pwhash_str_verify(rig.hash, "kx7-Vm2p-qQ9", 12), 0);
}

// ---- who may what ----

static void roles_may_what_the_design_says(void **unused)
{
	(void)unused;
	static const char *const may[WEB_ROLES] = {"V....", "V....", "VT...", "VTS..", "V..A.", "....U"};
	for (int role = 0; role < WEB_ROLES; role++)
		for (int p = 0; p < WEB_PERMISSIONS; p++) {
			struct web_user user = {.role = (enum web_role)role, .scope.all = true};
			struct web_view view;
			assert_int_equal(web_access_view(&user, (enum web_permission)p, true, &view), may[role][p] != '.');
			user.off = true;
			assert_false(web_access_view(&user, (enum web_permission)p, false, &view) ||
			             web_access_session(&user, true, &view));
			user = (struct web_user){.role = (enum web_role)role, .scope.all = true, .must_change = true};
			assert_false(web_access_view(&user, (enum web_permission)p, false, &view) ||
			             web_access_session(&user, false, &view));
			assert_true(web_access_session(&user, true, &view));
			assert_int_equal(view.scope.all, role != WEB_ADMIN);
			user.must_change = user.scope.all = false;
			assert_false(web_access_view(&user, (enum web_permission)p, true, &view));
			assert_false(view.scope.all || view.user);
		}
	assert_false(web_role_may((enum web_role)99, WEB_MAY_VIEW) || web_role_may(WEB_LEAD, (enum web_permission)99));
	assert_int_equal(web_role_find("root"), -1);
}

// ---- accounts ----

static void names_are_few_letters(void **unused)
{
	(void)unused;
	char name[WEB_USER_MAX], longest[65];
	memset(longest, 'x', 64);
	longest[64] = 0;
	static const char *const bad[] = {"", ".a", "-a", "a b", "a/b", "a\n", "a:b", "佐藤", "a*", "<b>", "a\x7f"};
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(web_account_name(bad[i], name));
	assert_false(web_account_name(longest, name));
	assert_true(web_account_name(longest + 1, name));
	assert_true(web_account_name("K.Sato_2-x", name));
	assert_string_equal(name, "k.sato_2-x");
}

static void an_account_is_read_as_it_was_written(void **unused)
{
	(void)unused;
	static const char *const codes[] = {"131016", "320005"};
	struct web_account account = {
	    .user = {.name = "sato", .role = WEB_ORG_VIEWER, .must_change = true, .version = 7, .created_ns = 5000000}, .epoch = 9};
	struct web_account back;
	snprintf(account.hash, sizeof account.hash, "$argon2id$x");
	assert_true(web_account_set_scope(&account, false, codes, 2));
	assert_false(web_account_set_scope(&account, true, codes, 2));
	assert_false(web_account_set_scope(&account, false, codes, WEB_SCOPE_MAX + 1));
	char *text = web_account_print(&account);
	assert_true(web_account_parse("sato", text, strlen(text), &back));
	assert_int_equal(back.codes_count, 2);
	assert_string_equal(back.codes[1], "320005");
	assert_false(back.user.scope.all);
	assert_true(back.user.must_change && back.user.version == 7 && back.epoch == 9 && back.user.created_ns == 5000000);
	assert_string_equal(back.hash, account.hash);
	web_account_finish(&back);
	assert_false(web_account_parse("Sato", text, strlen(text), &back));
	for (unsigned i = 0; i < 20000; i++) { // whatever stands in Redis: read whole, or not at all
		char *broken = strdup(text);
		for (unsigned k = 0; k < 1 + any(3); k++)
			broken[any((uint32_t)strlen(text))] = (char)(1 + any(255));
		if (web_account_parse("sato", broken, strlen(text), &back))
			assert_true(back.user.role < WEB_ROLES && back.codes_count <= 2);
		web_account_finish(&back);
		free(broken);
	}
	free(text);
	web_account_finish(&account);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passwords_are_judged),
	    cmocka_unit_test(a_password_has_at_most_128_code_points),
	    cmocka_unit_test(any_bytes_are_judged_in_a_moment),
	    cmocka_unit_test(five_failures_are_free_and_each_further_waits_longer),
	    cmocka_unit_test(many_names_from_one_house_wait_and_one_name_from_many_waits_shortly),
	    cmocka_unit_test(a_full_table_gives_up_the_stillest_and_counts),
	    cmocka_unit_test(sixteen_wait_and_the_seventeenth_is_told_so),
	    cmocka_unit_test(a_hash_fits_its_password_as_typed_and_no_other),
	    cmocka_unit_test(a_hash_of_less_is_made_anew_when_its_password_is_at_hand),
	    cmocka_unit_test(roles_may_what_the_design_says),
	    cmocka_unit_test(names_are_few_letters),
	    cmocka_unit_test(an_account_is_read_as_it_was_written),
	};
	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
