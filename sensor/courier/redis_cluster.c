// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// A Redis Cluster. One sensor has one stream, one stream lies in one slot, so there is one node to talk to and no map of slots to keep:
// whoever is asked says where the slot is ("MOVED 3999 10.0.0.2:6379"), and the courier goes there. While a slot is on its way (ASK,
// TRYAGAIN) it rests and asks again. Keys that the courier has besides carry a hash tag, which puts them into the slot of the stream.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "courier/redis_internal.h"

// The tag is the whole key of the stream, as Redis hashes what stands between the first braces.
void yg_cluster_name_keys(struct yg_redis *redis)
{
	char plain[96], begin[160];
	const char *sensor = redis->sensor;
	snprintf(plain, sizeof plain, "yagura:%.63s", sensor);
	if (redis->clustered)
		snprintf(begin, sizeof begin, "%s:{%s:alerts}", plain, plain);
	else
		memcpy(begin, plain, sizeof plain);
	snprintf(redis->marks, sizeof redis->marks, "%s:marks", begin);
	snprintf(redis->mark, sizeof redis->mark, "%s:courier", begin);
	snprintf(redis->health.key, sizeof redis->health.key, "%s:health", begin);
	for (unsigned i = 0; i < redis->lanes; i++)
		for (unsigned k = 0; k < redis->lane[i].keys; k++)
			snprintf(redis->lane[i].key[k].name, sizeof redis->lane[i].key[k].name, "%s:%s", i ? begin : plain, redis->lane[i].key[k].suffix);
}

void yg_cluster_found(struct yg_redis *redis)
{
	if (redis->clustered)
		return;
	redis->clustered = true;
	yg_cluster_name_keys(redis);
}

// "MOVED 3999 host:port"; an IPv6 address stands without brackets, no host means the one that was asked.
static bool parse(const char *text, struct yg_redis_node *ret_node)
{
	unsigned long slot, port;
	char *end = NULL;
	if (strncmp(text, "MOVED ", 6) != 0)
		return false;
	slot = strtoul(text + 6, &end, 10);
	const char *host = end + 1, *colon = *end == ' ' ? strrchr(host, ':') : NULL;
	if (!colon || slot > 16383 || (size_t)(colon - host) >= sizeof ret_node->host)
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end || port == 0 || port > UINT16_MAX)
		return false;
	*ret_node = (struct yg_redis_node){.port = (uint16_t)port};
	memcpy(ret_node->host, host, (size_t)(colon - host));
	return true;
}

bool yg_cluster_follow(struct yg_redis *redis, const char *text, uint64_t now_ns)
{
	struct yg_redis_node node;
	if (redis->url.is_unix || redis->url.is_sentinel || !parse(text, &node) || redis->redirects >= REDIS_REDIRECTS_MAX)
		return false;
	if (!node.host[0])
		memcpy(node.host, yg_redis_target(redis)->host, sizeof node.host);
	yg_cluster_found(redis);
	redis->redirects++;
	redis->node = node;
	yg_counter_add(&redis->stats->c[YG_CC_REDIS_FAILOVERS], 1);
	yg_redis_leave(redis);
	redis->retry_ns = now_ns;
	return true;
}
