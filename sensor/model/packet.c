// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// Names of decode ends and layers, from the lists of model/packet.h: the enum, the index of its counter and the word
// that a person reads cannot drift apart. Any value is safe to ask for. Pure; any thread.
#include "model/packet.h"

const char *yg_decode_end_name(enum yg_decode_end end)
{
	static const char *const names[YG_DECODE_COUNT] = {
#define X(id, name) name,
	    YG_DECODE_ENDS(X)
#undef X
	};
	return (unsigned)end < YG_DECODE_COUNT ? names[end] : "?";
}

const char *yg_layer_name(enum yg_layer layer)
{
	static const char *const names[YG_LAYER_COUNT] = {
#define X(id, name) name,
	    YG_LAYERS(X)
#undef X
	};
	return (unsigned)layer < YG_LAYER_COUNT ? names[layer] : "?";
}
