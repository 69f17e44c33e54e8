// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See handover.h. The text is written plainly first; then every address in it that lies outside is made harmless, wherever it stands, so
// that no field can be forgotten.
#include "handover.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/address.h"
#include "handover_steps.h"

// ---- addresses that nobody is to click on ----

static void put_defanged(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] == '.' || text[i] == ':')
			fprintf(out, "[%c]", text[i]);
		else
			fputc(text[i], out);
}

static bool is_outside(const struct handover_facts *f, const char *text, size_t length)
{
	char copy[YG_ADDRESS_TEXT];
	struct yg_addr addr;
	uint8_t af;
	if (length < 3 || length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	return yg_address_parse(copy, &af, &addr) == 0 && f->outside(f->context, af, addr.b);
}

static char *defang(const struct handover_facts *f, const char *text)
{
	static const char signs[] = "0123456789abcdefABCDEF.:";
	char *made = NULL;
	size_t size;
	FILE *out = open_memstream(&made, &size);
	if (!out)
		return NULL;
	while (*text) {
		size_t length = strspn(text, signs), end = length;
		if (!length) {
			fputc(*text++, out);
			continue;
		}
		while (end && (text[end - 1] == '.' || text[end - 1] == ':') && !is_outside(f, text, end)) // the end of a sentence
			end--;
		if (is_outside(f, text, end))
			put_defanged(out, text, end);
		else
			fwrite(text, 1, end, out);
		fwrite(text + end, 1, length - end, out);
		text += length;
	}
	return fclose(out) == 0 ? made : (free(made), NULL);
}

// ---- pieces ----

static void print_time(FILE *out, int64_t at_ns, bool ja)
{
	static const char *const days[] = {"日", "月", "火", "水", "木", "金", "土"};
	time_t at = (time_t)(at_ns / 1000000000);
	unsigned ms = (unsigned)(at_ns % 1000000000 / 1000000);
	struct tm tm;
	char zone[8], name[16];
	localtime_r(&at, &tm);
	strftime(zone, sizeof zone, "%z", &tm);
	strftime(name, sizeof name, "%Z", &tm);
	if (ja)
		fprintf(out, "%d年%d月%d日（%s）%02d:%02d:%02d.%03u", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, days[tm.tm_wday % 7], tm.tm_hour,
			tm.tm_min, tm.tm_sec, ms);
	else
		fprintf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03u %s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms,
			zone);
	if (ja)
		fprintf(out, " %s", name);
}

// A number with its unit, as a letter has it: Japanese counters stand at their number, and only symbols of units apart from it.
static const char *amount_of(double value, const char *unit, bool ja, char *to, size_t size)
{
	explain_amount(value, unit, ja, to, size);
	char *gap = strchr(to, ' ');
	if (gap && (!gap[1] || (ja && (unsigned char)gap[1] >= 0x80)))
		memmove(gap, gap + 1, strlen(gap));
	return to;
}

static void print_end(FILE *out, const struct handover_end *end, bool ja)
{
	if (end->instead_ja) {
		fputs(ja ? end->instead_ja : end->instead_en, out);
		return;
	}
	fputs(end->address, out);
	if (end->port)
		fprintf(out, ja ? "、ポート%u" : ", port %u", end->port);
}

static void print_times(FILE *out, const struct handover_facts *f, bool ja)
{
	fputs(ja ? "1. 検知日時\n   開始: " : "1. When\n   from: ", out);
	print_time(out, f->first_ns, ja);
	fputs(ja ? "\n   最終: " : "\n   last: ", out);
	print_time(out, f->last_ns, ja);
	fputs(f->open ? ja ? "（継続中）" : " (still going on)" : "", out);
	fputs("\n\n", out);
}

static void print_what(FILE *out, const struct handover_facts *f, bool ja)
{
	fprintf(out, ja ? "2. 何が起きたか\n   %s（重要度: %s）\n   %s\n\n" : "2. What happened\n   %s (severity: %s)\n   %s\n\n",
		ja ? f->kind_ja : f->kind_en, ja ? f->severity_ja : f->severity_en, ja ? f->alert->text_ja : f->alert->text_en);
}

// Which machine it is, and how it is found: the sensor sees it at the egress, behind whatever translates addresses.
static void print_host(FILE *out, const struct handover_facts *f, bool ja)
{
	bool whole = !f->host.address[0] && !f->host.instead_ja, prefix = strchr(f->host.address, '/') != NULL;
	fputs(ja ? "3. 該当端末\n   " : "3. Which machine\n   ", out);
	if (whole) {
		fputs(ja ? "個々の端末ではなく、貴団体の回線全体に関するものです。\n\n" : "No single machine: this is about your line as a whole.\n\n", out);
		return;
	}
	fputs(ja ? "集約回線の出口で見えたアドレス: " : "As seen at the egress: ", out);
	print_end(out, &f->host, ja);
	if (prefix)
		fputs(ja ? "\n   このアドレス範囲の全体が対象です。1台の端末ではありません。\n\n" : "\n   The whole range is concerned, not one machine.\n\n", out);
	else if (f->host_is_source)
		fprintf(out, ja ? "\n   NATやプロキシを経由している場合、これは変換後（post-NAT）の値です。\n"
				  "   変換前（pre-NAT）の庁内端末は、上記の日時%sをもとに、貴団体のNAT、プロキシ、DHCPのログで特定してください。\n\n"
				: "\n   Behind NAT or a proxy this is the address after translation (post-NAT). Please find the machine inside (pre-NAT)\n"
				  "   in your logs of NAT, proxy and DHCP, by the time%s above.\n\n",
			f->host.port ? ja ? "とポート番号" : " and port" : ja ? "と相手先のアドレス" : " and the remote address");
	else
		fputs(ja ? "\n   NATやロードバランサーを経由している場合、これは変換前の公開アドレスです。\n"
			   "   実際の庁内のサーバー（変換後）は、ファイアウォールやロードバランサーの設定とログで、上記の日時をもとに特定してください。\n\n"
			 : "\n   Behind NAT or a load balancer this is the public address. Please find the server inside in the configuration and\n"
			   "   the logs of the firewall or load balancer, by the time above.\n\n",
		      out);
}

static void print_peer(FILE *out, const struct handover_facts *f, bool ja)
{
	const struct explain_alert *a = f->alert;
	char many[64];
	fputs(ja ? "4. 相手先\n   " : "4. The other end\n   ", out);
	bool known = f->peer.address[0] || f->peer.instead_ja;
	if (known)
		print_end(out, &f->peer, ja);
	else if (!isnan(a->sources) && a->sources > 1)
		fprintf(out, ja ? "多数（少なくとも%s）。送信元は偽装されている可能性があります。" : "many (at least %s); they may be forged",
			amount_of(a->sources, "", ja, many, sizeof many));
	else
		fputs(ja ? "特定の相手先はありません。" : "none in particular", out);
	for (unsigned i = 0; !known && i < a->top_count && i < 3; i++)
		fprintf(out, "%s%s", i ? ja ? "、" : ", " : ja ? "\n   多いもの: " : "\n   most: ", a->top[i].name);
	fputs(ja ? "\n   （誤って接続しないよう、外部のアドレスの「.」「:」は [ ] で囲んでいます）\n\n"
		 : "\n   (Dots and colons of outside addresses are in brackets, so that nobody connects by mistake.)\n\n",
	      out);
}

static void print_amounts(FILE *out, const struct explain_alert *a, bool ja)
{
	char amount[96];
	if (isnan(a->observed))
		return;
	fprintf(out, ja ? "   観測値: %s" : "   observed: %s", amount_of(a->observed, a->unit, ja, amount, sizeof amount));
	if (!isnan(a->threshold) && a->threshold > 0)
		fprintf(out, ja ? "（しきい値%s" : " (threshold %s", amount_of(a->threshold, a->unit, ja, amount, sizeof amount));
	if (!isnan(a->threshold) && a->threshold > 0 && !isnan(a->baseline) && a->baseline > 0 && strcmp(a->unit, "bodies") != 0)
		fprintf(out, ja ? "、平常値%s" : ", usual %s", amount_of(a->baseline, a->unit, ja, amount, sizeof amount));
	if (!isnan(a->threshold) && a->threshold > 0)
		fputs(ja ? "）" : ")", out);
	fputc('\n', out);
}

// Names of protocols are acronyms; those of programs are longer.
static void print_app(FILE *out, const char *app)
{
	for (size_t i = 0, length = strlen(app); i < length; i++)
		fputc(length <= 5 && app[i] >= 'a' && app[i] <= 'z' ? app[i] - 'a' + 'A' : app[i], out);
}

static void print_traffic(FILE *out, const struct handover_facts *f, bool ja)
{
	const struct explain_alert *a = f->alert;
	bool app = f->app && f->app[0] && strcmp(f->app, "failed") != 0;
	fputs(ja ? "5. 通信の内容\n" : "5. The traffic\n", out);
	if (f->proto && f->proto[0])
		fprintf(out, ja ? "   プロトコル: %s" : "   protocol: %s", f->proto);
	if (f->proto && f->proto[0] && app) {
		fputs(ja ? "（アプリケーション: " : " (application: ", out);
		print_app(out, f->app);
		fputs(ja ? "）" : ")", out);
	}
	if (f->proto && f->proto[0])
		fputc('\n', out);
	print_amounts(out, a, ja);
	if (!isnan(a->count) && a->count > 1)
		fprintf(out, ja ? "   検知回数: %.0f回\n" : "   detected: %.0f times\n", a->count);
	if (f->technique && f->technique[0])
		fprintf(out, ja ? "   手口の分類（MITRE ATT&CK）: %s\n" : "   technique (MITRE ATT&CK): %s\n", f->technique);
	fputc('\n', out);
}

// What the sensor knows of the effect stands in the place of what may be.
static const char *measured(const char *impact, bool ja)
{
	if (strcmp(impact, "down") == 0)
		return ja ? "以前からの利用者への応答がほぼ止まっています。" : "Known clients get next to no answers.";
	if (strcmp(impact, "degraded") == 0)
		return ja ? "以前からの利用者への応答率が、ふだんより低下しています。" : "Known clients get fewer answers than usual.";
	if (strcmp(impact, "absorbed") == 0)
		return ja ? "以前からの利用者への応答率は、ふだんと変わりません。" : "Known clients are answered as usual.";
	return "";
}

static void print_asked(FILE *out, const struct handover_facts *f, bool ja)
{
	const struct handover_advice *advice = handover_advice_of(f->alert->kind, f->host_is_source);
	const char *const *steps = ja ? advice->ja : advice->en;
	const char *seen = measured(f->alert->impact, ja);
	const char *impact = ja ? advice->impact_ja : advice->impact_en;
	fprintf(out, ja ? "6. 影響\n   %s\n\n" : "6. What it does\n   %s\n\n", seen[0] ? seen : impact);
	fputs(ja ? "7. 確認していただきたいこと\n" : "7. What we ask you to look at\n", out);
	for (int i = 0; steps[i]; i++)
		fprintf(out, "   (%d) %s\n", i + 1, steps[i]);
	fputc('\n', out);
}

static void print_foot(FILE *out, const struct handover_facts *f, bool ja)
{
	const char *name = f->soc_name ? f->soc_name : ja ? "［SOCの名称を記入］" : "[name of the SOC]";
	const char *contact = f->soc_contact ? f->soc_contact : ja ? "［電話番号、メールアドレスを記入］" : "[telephone, mail]";
	fprintf(out, ja ? "8. 連絡先\n   %s　%s\n\n" : "8. Whom to answer\n   %s, %s\n\n", name, contact);
	fprintf(out, ja ? "9. 参照番号\n   %s（グループ: %s）\n   お問い合わせの際は、この番号をお伝えください。\n\n以上\n"
			: "9. Reference\n   %s (group: %s)\n   Please name it when you call.\n",
		f->reference, f->group);
}

static char *write_text(const struct handover_facts *f, const char *subject, bool ja)
{
	char *plain = NULL, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&plain, &size);
	if (!out)
		return NULL;
	const char *soc = f->soc_name ? f->soc_name : ja ? "［SOCの名称を記入］" : "[name of the SOC]";
	const char *org = ja ? f->org_ja : f->org_en;
	fprintf(out, ja ? "件名: %s\n宛先: %s 情報セキュリティ担当者 様\n発信: %s\n\n" : "Subject: %s\nTo: the security officer of %s\nFrom: %s\n\n", subject,
		org[0] ? org : ja ? "［団体名を記入］" : "[body]", soc);
	fputs(ja ? "情報セキュリティクラウドの監視で、貴団体に関係する次の事象を検知しました。内容をご確認のうえ、結果を8の連絡先までお知らせください。\n\n"
		 : "Our monitoring has seen the following, which concerns you. Please look into it, and answer as under 8.\n\n",
	      out);
	print_times(out, f, ja);
	print_what(out, f, ja);
	print_host(out, f, ja);
	print_peer(out, f, ja);
	print_traffic(out, f, ja);
	print_asked(out, f, ja);
	print_foot(out, f, ja);
	if (fclose(out) == 0)
		text = defang(f, plain);
	free(plain);
	return text;
}

bool handover_write(const struct handover_facts *f, struct handover *ret)
{
	*ret = (struct handover){0};
	bool good = asprintf(&ret->subject_ja, "【確認のお願い】%sの検知について", f->kind_ja) > 0 &&
		    asprintf(&ret->subject_en, "Please look into: %s", f->kind_en) > 0;
	ret->text_ja = good ? write_text(f, ret->subject_ja, true) : NULL;
	ret->text_en = good ? write_text(f, ret->subject_en, false) : NULL;
	if (ret->text_ja && ret->text_en)
		return true;
	free(ret->text_ja);
	free(ret->text_en);
	free(good ? ret->subject_ja : NULL);
	free(good ? ret->subject_en : NULL);
	return false;
}
