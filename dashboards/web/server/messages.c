// SPDX-License-Identifier: Apache-2.0
// Copyright the Yagura authors
//
// See messages.h. A sentence says what happened and, where a person can do something, what. Sorted by code. A test reads the sources for
// codes that are missing here.
#include "messages.h"

#include <string.h>

// clang-format off
const struct web_message web_messages[] = {
	{"audit_failed", "監査ログに書き込めないため、実行しませんでした。管理者に連絡してください。",
	 "Not done, because the audit log cannot be written. Please tell an administrator."},
	{"bad_cursor", "続きの位置が正しくありません。先頭から読み直してください。", "This place in the list is no longer good. Start from its beginning."},
	{"bad_json", "送信された内容を読み取れません（JSONの形式が正しくありません）。", "What was sent cannot be read: it is no valid JSON object."},
	{"bad_parameter", "指定された条件の値が正しくありません。", "A parameter has a value that it cannot have."},
	{"bad_query", "検索条件に誤りがあります。", "There is a mistake in the search."},
	{"bad_range", "期間の指定が正しくありません。", "This is no range of time."},
	{"bad_request", "要求の形式が正しくありません。", "This is no proper request."},
	{"bad_value", "入力内容に誤りがあります。", "A value is not as it has to be."},
	{"body_too_large", "送信された内容が大きすぎます（上限64 KiB）。", "What was sent is too large (at most 64 KiB)."},
	{"busy", "処理が混み合っています。しばらくしてからもう一度お試しください。", "Too much is going on. Please try again in a moment."},
	{"conflict", "ほかの利用者が先に変更しました。内容を確認してください。", "Somebody else has changed it first. Please look again."},
	{"content_type", "送信する内容はJSON（application/json）でなければなりません。", "What is sent has to be JSON (application/json)."},
	{"csrf", "この画面以外からの操作とみなし、拒否しました。画面を読み込み直してください。",
	 "Refused: it does not seem to come from this page. Please reload it."},
	{"error", "処理できませんでした。", "It could not be done."},
	{"forbidden", "この操作の権限がありません。", "You do not have the permission for this."},
	{"gone", "取り消しの期限を過ぎました。", "It can no longer be taken back."},
	{"host", "このサーバーの名前として設定されていないホスト名です。", "This is not a name of this server."},
	{"method", "この操作には対応していません。", "This cannot be done here."},
	{"must_change_password", "先にパスワードを変更してください。", "Please change your password first."},
	{"not_found", "見つかりません。", "Not found."},
	{"not_here", "この機能はまだありません。", "This does not exist yet."},
	{"not_logged_in", "ログインしてください。", "Please log in."},
	{"rate", "要求が多すぎます。少し待ってからもう一度お試しください。", "Too many requests. Please wait a moment."},
	{"read_only", "Redisに接続できないため、現在は閲覧のみ可能です。", "Redis cannot be reached: for now you can only read."},
	{"redis_away", "Redisに接続できません。復旧すると自動的に再開します。", "Redis cannot be reached. It goes on by itself when it is back."},
	{"session_over", "ログインセッションが終了しました。もう一度ログインしてください。", "Your session is over. Please log in again."},
	{"slow", "要求が時間内に届きませんでした。", "The request did not arrive in time."},
	{"starting", "起動直後のため、アラートを読み込んでいます。しばらくお待ちください。", "Still reading the alerts after the start. Please wait a moment."},
	{"step_up", "この操作には、パスワードの再入力が必要です。", "This asks for your password once more."},
	{"too_many", "対象が多すぎます。条件を絞ってください。", "These are too many. Please narrow it down."},
	{"too_many_streams", "ライブ更新の接続数が上限に達しました。ほかのタブを閉じてください。", "Too many live connections. Please close another tab."},
	{"uri_too_long", "URLが長すぎます（上限8 KiB）。", "The address is too long (at most 8 KiB)."},
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
