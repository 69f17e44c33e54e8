// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// The table of TCP states over whole conversations: `>` sent by the initiator, `<` by the responder; S SYN, A ACK, F FIN, R RST,
// P PSH, `.` an ACK alone. After each packet stands the state that must follow.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "engine/tcp_state.h"
#include "model/packet.h"

static const struct conversation {
	const char *name, *packets;
} conversations[] = {
	{"handshake, data, orderly close by the client",
	 ">S syn_sent <SA syn_received >A established >PA established <A established <PA established >FA fin_1 <A fin_1 <FA fin_2 >A closed"},
	{"close by the server, FIN and ACK in one", ">S syn_sent <SA syn_received >A established <FA fin_1 >FA fin_2 <A closed"},
	{"data after the first FIN", ">S syn_sent <SA syn_received >A established >FA fin_1 <PA fin_1 <PA fin_1 <FA fin_2 >A closed"},
	{"a SYN without an answer, sent again", ">S syn_sent >S syn_sent >S syn_sent"},
	{"a SYN that is refused", ">S syn_sent <RA reset"},
	{"a SYN-ACK sent again and again: the client is forged", ">S syn_sent <SA syn_received <SA syn_received <SA syn_received"},
	{"the forged client's host resets", ">S syn_sent <SA syn_received >R reset"},
	{"a half-open scan", ">S syn_sent <SA syn_received >R reset >S reset"},
	{"a reset within the connection", ">S syn_sent <SA syn_received >A established >PA established <R reset >PA reset"},
	{"a one-way mirror of the client", ">S syn_sent >A established >PA established >FA fin_1"},
	{"a one-way mirror of the server", "<SA syn_received <A syn_received <PA syn_received <FA fin_1"},
	{"the SYN-ACK came first", "<SA syn_received >A established"},
	{"picked up in its middle", ">PA midstream <A midstream <PA midstream >FA fin_1 <FA fin_2 >A closed"},
	{"picked up at its end", ">FA fin_1 <FA fin_2 >A closed"},
	{"picked up at its reset", "<R reset"},
	{"a SYN after something from the middle is a new beginning", ">A midstream >S syn_sent <SA syn_received >A established"},
	{"a SYN-ACK from the middle begins nothing", ">A midstream <SA midstream >A midstream"},
	{"both sides open at once", ">S syn_sent <S syn_sent >SA syn_sent <SA syn_received >A established"},
	{"a SYN within the connection changes nothing", ">S syn_sent <SA syn_received >A established >S established <SA established"},
	{"SYN and FIN together", ">SF syn_sent"},
	{"RST wins over everything", ">SFR reset"},
	{"no flags at all count as data", "> midstream"},
	{"stragglers after the close", ">S syn_sent <SA syn_received >A established >FA fin_1 <FA fin_2 >A closed <A closed >R closed <FA closed"},
	{"FIN before the handshake is done", ">S syn_sent >F fin_1 <RA reset"},
};

static uint8_t flags_of(const char *text, size_t length)
{
	static const struct {
		char letter;
		uint8_t flag;
	} letters[] = {{'S', YG_TCP_SYN}, {'A', YG_TCP_ACK}, {'F', YG_TCP_FIN}, {'R', YG_TCP_RST}, {'P', YG_TCP_PSH}, {'.', YG_TCP_ACK}};
	uint8_t flags = 0;
	for (size_t i = 0; i < length; i++)
		for (size_t j = 0; j < sizeof letters / sizeof letters[0]; j++)
			if (letters[j].letter == text[i])
				flags |= letters[j].flag;
	return flags;
}

static void walk(const struct conversation *c)
{
	uint8_t now = YG_TCP_NONE;
	for (const char *p = c->packets; *p;) {
		unsigned from_responder = *p++ == '<';
		size_t flags = strcspn(p, " "), name = strcspn(p + flags + 1, " ");
		now = yg_tcp_next(now, from_responder, flags_of(p, flags));
		const char *got = yg_tcp_state_name(now), *want = p + flags + 1;
		if (strlen(got) != name || strncmp(got, want, name) != 0)
			fail_msg("%s: at %.*s: %s instead of %.*s", c->name, (int)flags, p, got, (int)name, want);
		p = want + name;
		p += *p == ' ';
	}
}

static void whole_conversations_go_through_the_states_that_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof conversations / sizeof conversations[0]; i++)
		walk(&conversations[i]);
}

static void what_has_ended_never_begins_again(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++)
		for (unsigned side = 0; side < 2; side++) {
			assert_int_equal(yg_tcp_next(YG_TCP_CLOSED, side, (uint8_t)flags), YG_TCP_CLOSED);
			assert_int_equal(yg_tcp_next(YG_TCP_RESET, side, (uint8_t)flags), YG_TCP_RESET);
		}
}

// Forged packets of a victim's answers must not look like connections: SYN-ACK and RST never lead there, nor does a responder alone.
static void nothing_but_the_initiators_ack_establishes(void **state)
{
	(void)state;
	static const uint8_t before[] = {YG_TCP_NONE, YG_TCP_SYN_SENT, YG_TCP_SYN_RECEIVED, YG_TCP_MIDSTREAM, YG_TCP_FIN_1, YG_TCP_FIN_2};
	for (size_t i = 0; i < sizeof before; i++)
		for (unsigned flags = 0; flags < 256; flags++) {
			assert_int_not_equal(yg_tcp_next(before[i], 1, (uint8_t)flags), YG_TCP_ESTABLISHED);
			if (flags & (YG_TCP_SYN | YG_TCP_RST | YG_TCP_FIN))
				assert_int_not_equal(yg_tcp_next(before[i], 0, (uint8_t)flags), YG_TCP_ESTABLISHED);
		}
}

static void every_state_has_a_successor_for_all_flags(void **state)
{
	(void)state;
	for (unsigned now = 0; now < YG_TCP_STATE_COUNT; now++)
		for (unsigned flags = 0; flags < 256; flags++)
			for (unsigned side = 0; side < 2; side++) {
				uint8_t next = yg_tcp_next((uint8_t)now, side, (uint8_t)flags);
				assert_in_range(next, YG_TCP_NONE + 1, YG_TCP_STATE_COUNT - 1);
				if (flags & YG_TCP_RST && now != YG_TCP_CLOSED)
					assert_int_equal(next, YG_TCP_RESET);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_conversations_go_through_the_states_that_they_should),
		cmocka_unit_test(what_has_ended_never_begins_again),
		cmocka_unit_test(nothing_but_the_initiators_ack_establishes),
		cmocka_unit_test(every_state_has_a_successor_for_all_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
