# SPDX-License-Identifier: Apache-2.0
# Copyright the Yagura authors
"""The alerts of seed.py: 25 kinds, each with numbers, and both sentences made from these, as the sensor's detectors write them."""
import hashlib

SEVERITY = {"critical": (1, "Critical", 95), "high": (1, "Major", 75), "medium": (2, "Minor", 50), "low": (3, "Informational", 30),
            "info": (4, "Informational", 10)}
MODE = {"critical": ("page", 15), "high": ("page", 15), "medium": ("alert", 60), "low": ("digest", 0), "info": ("digest", 0)}


class Kind:
    def __init__(self, name, number, severity, technique, category, en, ja, weight, remote, direction, unit, window, threshold, text_ja, text_en, **more):
        self.name, self.number, self.severity, self.technique, self.category, self.en, self.ja = name, number, severity, technique, category, en, ja
        self.weight, self.remote, self.direction, self.unit, self.window, self.threshold = weight, remote, direction, unit, window, threshold
        self.text_ja, self.text_en, self.more = text_ja, text_en, more


# direction: "in": outside attacks inside; "out": inside talks to outside; "self": of a body or a host alone
KINDS = [
    Kind("scan.port", 8050101, "low", "T1046", "Network Scan", "Many ports of one host", "ポートスキャン", 12, True, "in", "ports", 300, 15,
         "{src} が {dst} のポートを走査（SYN、{org_ja}）。300秒間に試した{n:,}ポートのうち{n:,}ポートで失敗（しきい値15）。",
         "{src} scans ports of {dst} (SYN, {org_en}): {n:,} of {n:,} ports tried within 300 s failed (threshold 15)."),
    Kind("scan.host", 8050102, "low", "T1595.001", "Network Scan", "One port of many hosts", "ホストスキャン", 10, True, "in", "hosts", 300, 20,
         "{src} が {org_ja}の{n:,}台に対し同じポート（{port}）を走査（しきい値20台、300秒）。",
         "{src} scans port {port} of {n:,} hosts of {org_en} (threshold 20 within 300 s).", port=22),
    Kind("dos.syn_flood", 8050002, "high", "T1499.001", "Denial of Service", "SYN flood", "SYNフラッド攻撃", 3, False, "in", "incomplete SYNs/s", 3, 2500,
         "{dst}（{org_ja}）のポート443にSYNフラッド攻撃の疑い。未完了の接続要求が毎秒{n:,}件（しきい値2,500）、送信元は少なくとも{m:,}。",
         "Suspected attack: SYN flood against {dst} port 443 ({org_en}): {n:,} incomplete requests/s (threshold 2,500), from at least {m:,} sources.",
         port=443, dos=True),
    Kind("dos.udp_flood", 8050003, "high", "T1498.001", "Denial of Service", "UDP flood", "UDPフラッド攻撃", 2, False, "in", "bits/s", 3, 15000000,
         "{dst}（{org_ja}）にUDPフラッド攻撃の疑い。毎秒{mbit}Mbit（しきい値15.0）、送信元は少なくとも{m:,}。",
         "Suspected attack: UDP flood against {dst} ({org_en}): {mbit} Mbit/s (threshold 15.0), from at least {m:,} sources.", dos=True),
    Kind("dos.amplification", 8050010, "high", "T1498.002", "Denial of Service", "Reflection and amplification", "リフレクション（増幅）攻撃", 2, False, "in",
         "bits/s", 3, 15000000, "{dst}（{org_ja}）にリフレクション攻撃（DNS）の疑い。毎秒{mbit}Mbit（しきい値15.0）、反射元は少なくとも{m:,}。",
         "Suspected attack: reflection (DNS) against {dst} ({org_en}): {mbit} Mbit/s (threshold 15.0), from at least {m:,} reflectors.", dos=True),
    Kind("dos.http_flood", 8050012, "high", "T1499.002", "Denial of Service", "HTTP(S) connection flood", "HTTPフラッド攻撃", 2, False, "in", "connections/s", 10,
         200, "{dst}（{org_ja}）のポート443にHTTPフラッド攻撃の疑い。新規接続が毎秒{n:,}件（しきい値200）、送信元は少なくとも{m:,}。",
         "Suspected attack: HTTP flood against {dst} port 443 ({org_en}): {n:,} new connections/s (threshold 200), from at least {m:,} sources.", port=443, dos=True),
    Kind("dos.slow_http", 8050013, "high", "T1499.002", "Denial of Service", "Slow HTTP", "低速HTTP攻撃", 1, False, "in", "connections", 60, 150,
         "{dst}（{org_ja}）のポート80に低速HTTP攻撃の疑い。極端に遅い接続が{n:,}本（しきい値150）。",
         "Suspected attack: slow HTTP against {dst} port 80 ({org_en}): {n:,} very slow connections (threshold 150).", port=80, dos=True),
    Kind("dos.carpet", 8050014, "high", "T1498.001", "Denial of Service", "Carpet bombing of a prefix", "じゅうたん爆撃型DDoS", 1, False, "in", "bits/s", 10, 40000000,
         "{dst}/24（{org_ja}）の広い範囲にDDoS攻撃の疑い。合計で毎秒{mbit}Mbit（しきい値40.0）。",
         "Suspected attack: carpet bombing of {dst}/24 ({org_en}): {mbit} Mbit/s in all (threshold 40.0).", dos=True),
    Kind("dos.outbound", 8050015, "high", "T1498", "Denial of Service", "An internal host takes part in an attack", "内部端末からのDoS通信", 1, True, "out", "packets/s",
         10, 1000, "{src}（{org_ja}）から外部へのDoS通信の疑い。毎秒{n:,}パケット（しきい値1,000）。",
         "{src} ({org_en}) seems to take part in an attack: {n:,} packets/s towards outside (threshold 1,000)."),
    Kind("dos.open_service", 8050016, "medium", "T1498.002", "Denial of Service", "An internal host answers as an open reflector", "踏み台になり得る公開サービス", 2, False,
         "self", "clients", 86400, 5, "{dst}（{org_ja}）が外部からのDNS問い合わせに応答しています。1日に{n:,}の外部端末へ応答（しきい値5）。",
         "{dst} ({org_en}) answers DNS queries from outside: {n:,} outside clients in a day (threshold 5).", port=53),
    Kind("link.saturation", 8050018, "high", "T1498.001", "Denial of Service", "A line is saturated", "回線の飽和", 1, False, "self", "bits/s", 10, 900000000,
         "{org_ja}の回線（1Gbps）が飽和しています。毎秒{gbit}Mbit（しきい値900.0）。", "The line of {org_en} (1 Gbit/s) is saturated: {gbit} Mbit/s (threshold 900.0).", body=True),
    Kind("beacon", 8050201, "high", "T1071", "Command and Control", "Periodic contact with an outside host", "定期通信（ビーコン）", 5, True, "out", "connections", 3600, 30,
         "{src}（{org_ja}）が {dst} へ一定間隔（60.1秒±3%）で通信。1時間に{n:,}接続（しきい値30）。",
         "{src} ({org_en}) contacts {dst} at regular intervals (60.1 s ± 3%): {n:,} connections in an hour (threshold 30).", port=443, app="tls"),
    Kind("dns.tunnel", 8050202, "high", "T1071.004", "Command and Control", "Data carried in DNS names", "DNSトンネリング", 2, True, "out", "names", 600, 200,
         "{src}（{org_ja}）がDNS名にデータを載せて送信している疑い。10分間に{n:,}種類の名前（しきい値200）。",
         "{src} ({org_en}) seems to send data in DNS names: {n:,} distinct names in 10 min (threshold 200).", port=53, app="dns"),
    Kind("dns.dga", 8050203, "medium", "T1568.002", "Command and Control", "Generated domain names", "自動生成ドメインへの問い合わせ", 4, False, "self", "names", 600, 40,
         "{dst}（{org_ja}）が自動生成とみられるドメインへ問い合わせ。10分間に{n:,}種類（しきい値40）。",
         "{dst} ({org_en}) asks for names that look generated: {n:,} in 10 min (threshold 40).", app="dns"),
    Kind("exfil.upload", 8050204, "high", "T1041", "Data Exfiltration", "Upload far above the own baseline", "情報持ち出しの疑い", 3, True, "out", "bytes", 3600, 500000000,
         "{src}（{org_ja}）が {dst} へ{mbyte}MBを送信。平常値の{k}倍（しきい値500MB、1時間）。",
         "{src} ({org_en}) sent {mbyte} MB to {dst}, {k} times its habit (threshold 500 MB in an hour).", port=443, app="tls"),
    Kind("indicator", 8050205, "high", "T1071", "Known Threat", "Contact with a listed indicator", "脅威情報（IoC）との一致", 3, True, "out", "contacts", 3600, 1,
         "{src}（{org_ja}）が脅威情報に載る {dst} と通信。1時間に{n:,}回。", "{src} ({org_en}) talks to {dst}, which is a listed indicator: {n:,} times in an hour.", port=443,
         app="tls"),
    Kind("brute.force", 8050110, "high", "T1110", "Password Guessing", "Password guessing", "総当たりログイン試行", 5, True, "in", "attempts", 1800, 30,
         "{src} が {dst}（{org_ja}）のSSHへ総当たりログイン。30分間に{n:,}回の短い接続（しきい値30）。",
         "{src} guesses passwords of SSH at {dst} ({org_en}): {n:,} short connections in 30 min (threshold 30).", port=22, app="ssh"),
    Kind("exploit.web", 8050207, "high", "T1190", "Exploit Attempt", "Exploit attempt in clear-text HTTP", "Webへの攻撃の試み", 4, True, "in", "requests", 60, 1,
         "{src} から {dst}（{org_ja}）へWebの脆弱性を狙う要求{n:,}件。", "{src} sent {n:,} requests that try to exploit the web server {dst} ({org_en}).", port=80, app="http"),
    Kind("zone.mynumber", 8050301, "critical", "", "Zone Violation", "A My Number address seen at the egress", "マイナンバー系アドレスの外部通信", 0.4, True, "out", "packets", 1, 1,
         "マイナンバー利用事務系のアドレス {src}（{org_ja}）が外部 {dst} と通信。{n:,}パケット。",
         "The My Number address {src} ({org_en}) talks to {dst} outside: {n:,} packets.", zone="mynumber"),
    Kind("zone.lgwan", 8050302, "high", "", "Zone Violation", "LGWAN and Internet zones meet outside the sanitising path", "LGWAN系とインターネット系の経路逸脱", 0.8, True, "out",
         "flows", 60, 1, "LGWAN接続系の {src}（{org_ja}）が無害化を経ずに {dst} と通信。{n:,}フロー。",
         "{src} of the LGWAN zone ({org_en}) talks to {dst} without sanitising: {n:,} flows.", zone="lgwan"),
    Kind("policy.bypass", 8050303, "medium", "T1572", "Policy Violation", "DNS, NTP, mail or web not by way of the cloud", "集約経路の迂回", 8, True, "out", "flows", 3600, 10,
         "{src}（{org_ja}）がセキュリティクラウドを経由せず {dst} へDNS通信。1時間に{n:,}フロー（しきい値10）。",
         "{src} ({org_en}) uses DNS at {dst} and not that of the cloud: {n:,} flows in an hour (threshold 10).", port=53, app="dns"),
    Kind("policy.service", 8050304, "low", "T1567.002", "Policy Violation", "Use of a service without approval", "未承認サービスの利用", 9, True, "out", "flows", 3600, 1,
         "{src}（{org_ja}）が未承認のファイル転送サービスを利用。1時間に{n:,}フロー。", "{src} ({org_en}) uses a file transfer service without approval: {n:,} flows in an hour.",
         port=443, app="tls"),
    Kind("policy.software", 8050305, "medium", "T1219", "Policy Violation", "P2P, remote control, VPN, Tor or mining software", "無許可ソフトウェアの利用", 6, True, "out", "flows",
         86400, 1, "{src}（{org_ja}）で遠隔操作ソフトウェア（AnyDesk）の通信を検知。{n:,}フロー。",
         "{src} ({org_en}) uses remote control software (AnyDesk): {n:,} flows.", port=7070, app="anydesk"),
    Kind("org.baseline", 8050402, "medium", "", "Traffic Anomaly", "Traffic of a body far from its habit", "平常値からの乖離", 2, False, "self", "bits/s", 300, 50000000,
         "{org_ja}の通信量が平常値から大きく外れています。毎秒{mbit}Mbit（しきい値50.0）。",
         "Traffic of {org_en} is far from its habit: {mbit} Mbit/s (threshold 50.0).", body=True),
    Kind("hygiene.cleartext", 8050308, "low", "T1040", "Security Hygiene", "Password in clear text", "平文での認証", 6, True, "out", "logins", 86400, 1,
         "{src}（{org_ja}）が {dst} へ暗号化されていない認証を{n:,}回実施。", "{src} ({org_en}) logged in at {dst} in clear text {n:,} times.", port=21, app="ftp"),
]


class Alert:
    def __init__(self, kind, body, inside, outside, rng, at, number, bodies):
        self.kind, self.body, self.at, self.number = kind, body, at, number
        self.source, self.target = {"in": (outside, inside), "out": (inside, outside)}.get(kind.direction, (None, inside))
        if not kind.remote:
            self.source = None
        if kind.more.get("body"):
            self.target = body.prefix
        self.observed = float(max(int(kind.threshold * (1 + rng.lognormvariate(-0.5, 1))), 1))
        self.many = rng.randrange(50, 20000)
        self.baseline = float(int(kind.threshold * rng.uniform(0.05, 0.3))) if rng.random() < 0.8 else 0.0
        self.values = [float(int(self.observed * rng.uniform(0.05, 0.3))) for _ in range(20)] + [float(int(self.observed * rng.uniform(0.7, 1))) for _ in range(10)]
        self.confidence = round(rng.uniform(0.4, 1), 2)
        self.severity = kind.severity
        if kind.severity == "high" and rng.random() < 0.06:
            self.severity = "critical"
        self.affected = [b for b in rng.sample(bodies, min(3, len(bodies)))] if kind.more.get("dos") and rng.random() < 0.3 else []
        self.top = [f"203.0.113.{rng.randrange(1, 255)}" for _ in range(5)] if not self.source else [self.source]
        self.vector = {"dos.syn_flood": "syn", "dos.udp_flood": "udp", "scan.port": "vertical", "scan.host": "horizontal"}.get(kind.name, "")

    def sentences(self):
        n = self.observed
        fill = {"src": self.source, "dst": self.target, "n": int(n), "m": self.many, "mbit": f"{n / 1e6:,.1f}", "gbit": f"{min(n, 9.9e8) / 1e6:,.1f}",
                "mbyte": f"{n / 1e6:,.0f}", "k": f"{n / max(self.baseline, n / 40):,.1f}", "port": self.kind.more.get("port"), "org_ja": self.body.ja,
                "org_en": self.body.en}
        return self.kind.text_ja.format(**fill), self.kind.text_en.format(**fill)

    def line(self, state, when, sensor, stamp):
        kind, (number, metadata, score) = self.kind, SEVERITY[self.severity]
        mode, minutes = MODE[self.severity]
        if self.severity == "high" and self.confidence < 0.5:
            mode, minutes = "alert", 60
        many = "::" if ":" in self.target and "/" not in self.target else "0.0.0.0"
        ja, en = self.sentences()
        sees = list(dict.fromkeys([self.body.code, self.body.parent or self.body.code] + [b.code for b in self.affected]))
        context = {"id": hashlib.blake2b(f"{kind.name} {self.body.code} {self.number}".encode(), digest_size=8).hexdigest(), "sequence": 0, "kind": kind.name,
                   "kind_ja": kind.ja, "detector": kind.name.split(".")[0], "state": state, "score": min(99, score + self.number % 5), "severity": self.severity,
                   "confidence": self.confidence, "mode": mode, "sla_minutes": minutes, "first_seen": stamp(self.at), "last_seen": stamp(when),
                   "count": 1 + (when - self.at) // 60000, "reopened": 0, "org": self.body.org(), "orgs": sees, "zone": kind.more.get("zone", "internet"),
                   "target": self.target, "vector": self.vector, "vectors": [{"name": self.vector, "share": 1.0}] if self.vector else []}
        if kind.more.get("dos"):
            context["learning"], context["impact"] = "full", {"state": ["absorbed", "degraded", "down", "unknown"][self.number % 4]}
            if context["impact"]["state"] != "unknown":
                context["impact"].update(success=[0.97, 0.55, 0.08][self.number % 4], usual=0.99)
        step = max(1, kind.window // 30)
        context["why"] = {"observed": self.observed, "threshold": float(kind.threshold), "baseline": self.baseline, "peak": self.observed, "unit": kind.unit,
                          "window_s": kind.window, "text_ja": ja, "text_en": en, "top": [{"ip": ip, "share": round(1 / len(self.top), 4)} for ip in self.top],
                          "sources_at_least": 1 if self.source else self.many, "sample_packets": 0 if self.source else self.many,
                          "series": {"start": stamp(self.at - 28000 * step), "step_s": step, "values": self.values, "low": 0.0, "high": float(kind.threshold)}}
        context["runbook"] = kind.name
        if self.affected:
            context["affected_count"], context["affected"] = len(self.affected), [b.org() for b in self.affected]
        meta = {"signature_severity": [metadata], "confidence": ["High" if self.confidence >= 0.8 else "Medium"], "organization": [self.body.code]}
        if kind.technique:
            meta["mitre_technique_id"] = [kind.technique]
        line = {"timestamp": stamp(when), "event_type": "alert", "host": sensor, "src_ip": self.source or many,
                "dest_ip": self.target if "/" not in self.target else many, "proto": "UDP" if kind.more.get("port") == 53 or "udp" in kind.name else "TCP",
                "app_proto": kind.more.get("app", "failed"),
                "alert": {"action": "allowed", "gid": 1, "signature_id": kind.number, "rev": 1, "signature": "YAGURA " + kind.en, "category": kind.category,
                          "severity": number, "metadata": meta, "context": context}}
        if kind.more.get("port"):
            line["dest_port"] = kind.more["port"]
        return line


APPS = [("TLS", "tls", 443, 60), ("QUIC", "failed", 443, 18), ("DNS", "dns", 53, 30), ("HTTP", "http", 80, 8), ("TLS.Microsoft365", "tls", 443, 12),
        ("TLS.YouTube", "tls", 443, 6), ("NTP", "ntp", 123, 3), ("SMTP", "smtp", 25, 2), ("SSH", "ssh", 22, 1), ("TLS.Dropbox", "tls", 443, 1)]


def flow(rng, bodies, at, number, sensor, stamp, alert=None):
    """A flow record; of the two ends of `alert`: (kind, body, inside, outside)."""
    name, app, port, _ = rng.choices(APPS, [a[3] for a in APPS])[0]
    body = bodies[min(int(rng.expovariate(1 / (len(bodies) / 4))), len(bodies) - 1)]
    down, up = int(rng.lognormvariate(9, 1.6)), int(rng.lognormvariate(7, 1.2))
    lasts = int(rng.lognormvariate(0, 1.5) * 1000)
    outer = None
    source, target = body.host(rng.randrange(300)), f"198.51.100.{int(rng.expovariate(0.03)) % 254 + 1}"
    if alert:
        kind, body, inside, outer = alert
        source, target = (outer, inside) if kind.direction == "in" else (inside, outer)
        port, app = kind.more.get("port", port), kind.more.get("app", app)
        name = next((one[0] for one in APPS if one[1] == app), name)
    return {"timestamp": stamp(at), "event_type": "flow", "host": sensor, "flow_id": 10**15 + number, "src_ip": source,
            "src_port": rng.randrange(32768, 61000), "dest_ip": target, "dest_port": port,
            "proto": "UDP" if port in (53, 123) or name == "QUIC" else "TCP", "app_proto": app, "community_id": f"1:{number:026d}A=",
            "flow": {"pkts_toserver": up // 300 + 1, "pkts_toclient": down // 900 + 1, "bytes_toserver": up, "bytes_toclient": down,
                     "start": stamp(at - lasts), "end": stamp(at), "age": lasts // 1000, "state": "closed", "reason": "timeout", "alerted": False},
            "ndpi": {"proto": name, "master_id": 0, "app_id": 91, "category": "Web", "confidence": "DPI", "risks": [], "hostname": "www.chizu.example",
                     "org": {"src": "" if source == outer else body.code, "dest": body.code if source == outer else ""}, "zone": {"src": "internet", "dest": ""}, "end": "closed", "rank": "established"}}
