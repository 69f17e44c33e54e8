// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See messages.h. A sentence says what happened and, where a person can do something, what. Sorted by code. A test reads the sources for
// codes that are missing here.
#include "messages.h"

#include <string.h>

// clang-format off
const struct web_message web_messages[] = {
	{"assignee_scope", "指定した担当者は、対象の団体を担当できません。別の担当者を選んでください。",
	 "This person may not see all of these. Please choose somebody else."},
	{"assignee_unknown", "この利用者は担当者にできません。監視員または主任監視員を選んでください。",
	 "This person cannot be given alerts. Please choose an analyst or a lead."},
	{"audit_failed", "監査ログに書き込めないため、実行しませんでした。管理者に連絡してください。",
	 "Not done, because the audit log cannot be written. Please tell an administrator."},
	{"bad_action", "この操作には対応していません。",
	 "There is no such action."},
	{"bad_cursor", "続きの位置が正しくありません。先頭から読み直してください。", "This place in the list is no longer good. Start from its beginning."},
	{"bad_json", "送信された内容を読み取れません（JSONの形式が正しくありません）。", "What was sent cannot be read: it is no valid JSON object."},
	{"bad_parameter", "指定された条件の値が正しくありません。", "A parameter has a value that it cannot have."},
	{"bad_port", "ポート番号は1～65535で指定してください。",
	 "A port is a number from 1 to 65535."},
	{"bad_prefix", "アドレスの形式が正しくありません。203.0.113.10、または203.0.113.0/24のように入力してください。",
	 "This is no address or prefix. Write 203.0.113.10 or 203.0.113.0/24."},
	{"bad_query", "検索条件に誤りがあります。", "There is a mistake in the search."},
	{"bad_range", "期間の指定が正しくありません。", "This is no range of time."},
	{"bad_request", "要求の形式が正しくありません。", "This is no proper request."},
	{"bad_value", "入力内容に誤りがあります。", "A value is not as it has to be."},
	{"body_too_large", "送信された内容が大きすぎます（上限64 KiB）。", "What was sent is too large (at most 64 KiB)."},
	{"busy", "処理が混み合っています。しばらくしてからもう一度お試しください。", "Too much is going on. Please try again in a moment."},
	{"comment_required", "コメントを入力してください。",
	 "Please write a comment."},
	{"comment_too_long", "コメントが長すぎます（上限2,000文字）。",
	 "The comment is too long (at most 2,000 letters)."},
	{"conflict", "ほかの利用者が先に変更しました。内容を確認してください。", "Somebody else has changed it first. Please look again."},
	{"content_type", "送信する内容はJSON（application/json）でなければなりません。", "What is sent has to be JSON (application/json)."},
	{"csrf", "この画面以外からの操作とみなし、拒否しました。画面を読み込み直してください。",
	 "Refused: it does not seem to come from this page. Please reload it."},
	{"error", "処理できませんでした。", "It could not be done."},
	{"expiry_past", "有効期限は、1分以上先の日時にしてください。",
	 "The expiry has to be at least a minute from now."},
	{"expiry_required", "有効期限を入力してください。",
	 "Please say until when."},
	{"expiry_too_far", "有効期限は90日以内にしてください。",
	 "The expiry may be at most 90 days from now."},
	{"forbidden", "この操作の権限がありません。", "You do not have the permission for this."},
	{"gone", "取り消しの期限を過ぎました。", "It can no longer be taken back."},
	{"host", "このサーバーの名前として設定されていないホスト名です。", "This is not a name of this server."},
	{"kind_unknown", "この種別の検知ルールはありません。",
	 "There is no such kind of alert."},
	{"method", "この操作には対応していません。", "This cannot be done here."},
	{"must_change_password", "先にパスワードを変更してください。", "Please change your password first."},
	{"not_found", "見つかりません。", "Not found."},
	{"not_here", "この機能はまだありません。", "This does not exist yet."},
	{"not_logged_in", "ログインしてください。", "Please log in."},
	{"nothing_chosen", "対象のアラートグループを選んでください。",
	 "Please choose what this is to be done to."},
	{"org_beyond_scope", "閲覧できない団体にも影響するため、変更できません。",
	 "This concerns bodies that you may not see."},
	{"org_required", "対象の団体を指定してください。",
	 "Please name a body."},
	{"org_unknown", "この団体は見つかりません。",
	 "There is no such body."},
	{"rate", "要求が多すぎます。少し待ってからもう一度お試しください。", "Too many requests. Please wait a moment."},
	{"read_only", "Redisに接続できないため、現在は閲覧のみ可能です。", "Redis cannot be reached: for now you can only read."},
	{"reason_required", "理由を入力してください。",
	 "Please give a reason."},
	{"reason_signs", "理由は1行の文字で入力してください（改行や制御文字は使えません）。",
	 "A reason is one line of plain text."},
	{"reason_too_long", "理由が長すぎます。短くしてください。",
	 "The reason is too long."},
	{"redis_away", "Redisに接続できません。復旧すると自動的に再開します。", "Redis cannot be reached. It goes on by itself when it is back."},
	{"session_over", "ログインセッションが終了しました。もう一度ログインしてください。", "Your session is over. Please log in again."},
	{"slow", "要求が時間内に届きませんでした。", "The request did not arrive in time."},
	{"starting", "起動直後のため、アラートを読み込んでいます。しばらくお待ちください。", "Still reading the alerts after the start. Please wait a moment."},
	{"step_up", "この操作には、パスワードの再入力が必要です。", "This asks for your password once more."},
	{"suppression_ended", "この抑止はすでに終了しています。必要な場合は、新しく作成してください。",
	 "This suppression has ended. Make another one if it is needed."},
	{"suppression_wide", "すべてのアラートが対象になります。種別、団体、送信元、宛先、ポートのいずれかで絞ってください。",
	 "This would hide every alert. Name a kind, a body, a source, a target or a port."},
	{"suppressions_full", "有効な抑止が上限（512件）に達しています。不要なものを終了してください。",
	 "512 suppressions are in force already. Please end some of them."},
	{"too_costly", "この検索条件は処理の負荷が高すぎます。条件を絞ってください。",
	 "This search asks for too much work. Please narrow it down."},
	{"too_many", "対象が多すぎます。条件を絞ってください。", "These are too many. Please narrow it down."},
	{"too_many_exports", "同時に実行できるエクスポートは2件までです。終わるまでお待ちください。", "At most two exports at a time. Please wait until one has ended."},
	{"too_many_streams", "ライブ更新の接続数が上限に達しました。ほかのタブを閉じてください。", "Too many live connections. Please close another tab."},
	{"unknown_outcome", "Redisとの接続が切れたため、結果を確認できませんでした。復旧後に状態を確認してください。",
	 "Redis was lost before it answered: it may or may not be done. Please look again when it is back."},
	{"uri_too_long", "URLが長すぎます（上限8 KiB）。", "The address is too long (at most 8 KiB)."},
	{"verdict_required", "対応済みにするには、判定を選んでください。",
	 "Please choose a verdict before it is archived."},
	{NULL, NULL, NULL},
};
// clang-format on

const struct web_message *web_message_find(const char *code)
{
	for (const struct web_message *m = web_messages; m->code; m++)
		if (strcmp(m->code, code) == 0)
			return m;
	return NULL;
}
