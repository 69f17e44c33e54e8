// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Flags are reduced to five events; the table says what each means in each state from each side. A RST ends everything; data
// without a beginning is MIDSTREAM, which behaves like ESTABLISHED but never claims that a handshake was seen.
// One-way mirrors show the initiator's side alone: SYN, then its ACK or data, counts as a handshake.
#include "engine/tcp_state.h"

#include "model/packet.h"

enum event { EV_SYN, EV_SYNACK, EV_ACK, EV_FIN, EV_RST, EV_COUNT };

#define N YG_TCP_NONE
#define SS YG_TCP_SYN_SENT
#define SR YG_TCP_SYN_RECEIVED
#define ES YG_TCP_ESTABLISHED
#define MI YG_TCP_MIDSTREAM
#define F1 YG_TCP_FIN_1
#define F2 YG_TCP_FIN_2
#define CL YG_TCP_CLOSED
#define RS YG_TCP_RESET

// [state][from_responder][event]: SYN, SYN-ACK, ACK or data, FIN, RST
static const uint8_t next_state[YG_TCP_STATE_COUNT][2][EV_COUNT] = {
	[N] = {{SS, SR, MI, F1, RS}, {SS, SR, MI, F1, RS}},
	[SS] = {{SS, SS, ES, F1, RS}, {SS, SR, SR, F1, RS}},
	[SR] = {{SR, SR, ES, F1, RS}, {SR, SR, SR, F1, RS}},
	[ES] = {{ES, ES, ES, F1, RS}, {ES, ES, ES, F1, RS}},
	[MI] = {{SS, MI, MI, F1, RS}, {MI, MI, MI, F1, RS}},
	[F1] = {{F1, F1, F1, F2, RS}, {F1, F1, F1, F2, RS}},
	[F2] = {{F2, F2, CL, F2, RS}, {F2, F2, CL, F2, RS}},
	[CL] = {{CL, CL, CL, CL, CL}, {CL, CL, CL, CL, CL}},
	[RS] = {{RS, RS, RS, RS, RS}, {RS, RS, RS, RS, RS}},
};

static enum event event_of(uint8_t flags)
{
	if (flags & YG_TCP_RST)
		return EV_RST;
	if (flags & YG_TCP_SYN)
		return flags & YG_TCP_ACK ? EV_SYNACK : EV_SYN;
	if (flags & YG_TCP_FIN)
		return EV_FIN;
	return EV_ACK;
}

uint8_t yg_tcp_next(uint8_t state, unsigned from_responder, uint8_t tcp_flags)
{
	return next_state[state][from_responder & 1][event_of(tcp_flags)];
}
