"""Checks a network that docker/compose.yaml has started: python3 docker/check.py RPC_URL GATEWAY_URL PROMETHEUS_URL

Four validators make blocks and finalise them; Prometheus reaches all it is to scrape, has all rules, and none of them
gives the alarm; whatever alerts and dashboards ask for is exported, but what comes with a first event. The last line
is JSON.
"""

import json
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
VALIDATORS = 4
BLOCKS = 8
LEAST = 4
PATIENCE = 300
# Counters by a label, which begin with the first of what they count; and what a worker tells that has a gateway to ask.
OF_EVENTS = {
    "gridweave_batches_refused_total",
    "gridweave_equivocations_total",
    "gridweave_gateway_refused_total",
}


def get(url, body=None):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data=body and json.dumps(body).encode(), headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        return json.load(answer)


def rpc(url, method, *parameters):
    answer = get(url, {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    if "error" in answer:
        raise ValueError(f"{method}: {answer['error']}")
    return answer["result"]


def until(what, ask):
    """Asks until the answer is no complaint. What does not answer yet is one."""
    begin, complaint = time.monotonic(), None
    while time.monotonic() < begin + PATIENCE:
        try:
            answer, complaint = ask()
            if complaint is None:
                print(f"check: {what}: good ({time.monotonic() - begin:.0f} s)", file=sys.stderr)
                return answer
        except (OSError, ValueError, KeyError) as error:
            complaint = error
        time.sleep(1)
    sys.exit(f"check: {what}: {complaint}")


def authors(url):
    """Height of what is finalised, and the places of those who made the last of it: a slot is one validator's."""
    block = rpc(url, "chain_getFinalizedHead")
    header = rpc(url, "chain_getHeader", block)
    height, places = int(header["number"], 16), set()
    for _ in range(min(BLOCKS, height)):
        # The digest's item 6 (before the runtime) of Aura: the slot, 8 bytes, the least first.
        for item in header["digest"]["logs"]:
            raw = bytes.fromhex(item[2:])
            if raw[:5] == b"\x06aura":
                places.add(int.from_bytes(raw[-8:], "little") % VALIDATORS)
        header = rpc(url, "chain_getHeader", header["parentHash"])
    enough = height >= LEAST and len(places) == VALIDATORS
    return height, None if enough else f"{height} blocks, the last of them by {len(places)} validators"


def targets(prometheus):
    active = get(f"{prometheus}/api/v1/targets")["data"]["activeTargets"]
    wanted = len(re.findall(r'"[a-z]+:\d+"', (HERE / "prometheus/prometheus.yml").read_text()))
    down = [f"{one['scrapeUrl']}: {one['lastError']}" for one in active if one["health"] != "up"]
    good = len(active) == wanted and not down
    return len(active), None if good else f"{len(active)} of {wanted} targets; {down}"


def rules(prometheus):
    groups = get(f"{prometheus}/api/v1/rules")["data"]["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    wanted = (HERE / "prometheus/alerts.yml").read_text().count("- alert:")
    ill = [rule["name"] for rule in found if rule["health"] != "ok"]
    alarm = [rule["name"] for rule in found if rule["state"] == "firing"]
    good = len(found) == wanted and not ill and not alarm
    return len(found), None if good else f"{len(found)} of {wanted} rules; ill {ill}, in alarm {alarm}"


def dashboards():
    """All expressions of all dashboards, and where they are."""
    found = []
    for path in sorted((HERE / "grafana/dashboards").glob("*.json")):
        panels = json.loads(path.read_text())["panels"]
        if len({panel["id"] for panel in panels}) != len(panels):
            sys.exit(f"check: {path.name}: two panels have the same id")
        found += [(f"{path.stem}: {panel['title']}", target["expr"]) for panel in panels for target in panel["targets"]]
    return found


def metrics(prometheus):
    """Names that are asked for and not there; how many are."""
    asked = "\n".join(expression for _, expression in dashboards()) + (HERE / "prometheus/alerts.yml").read_text()
    asked = set(re.findall(r"\b(?:gridweave|substrate)_[a-z0-9_]*[a-z0-9]", asked))
    there = set(get(f"{prometheus}/api/v1/label/__name__/values")["data"])
    missing = sorted(asked - there - OF_EVENTS)
    return len(asked & there), None if not missing else f"nobody exports {missing}"


def expressions(prometheus):
    """Every expression of the dashboards can be asked; most have something to show."""
    shown, all_of_them = 0, dashboards()
    for where, expression in all_of_them:
        query = urllib.parse.urlencode({"query": expression.replace("$__rate_interval", "1m")})
        answer = get(f"{prometheus}/api/v1/query?{query}")
        if answer["status"] != "success":
            return 0, f"{where}: {answer}"
        shown += bool(answer["data"]["result"])
    return shown, None if shown >= len(all_of_them) // 2 else f"{shown} of {len(all_of_them)} have data"


def main(node, gateway, prometheus):
    found = {}
    found["finalised_blocks"] = until("blocks of four validators", lambda: authors(node))
    found["peers"] = until("peers", lambda: (rpc(node, "system_health")["peers"], None))
    until("the gateway", lambda: (get(f"{gateway}/health"), None))
    found["targets_up"] = until("what is scraped", lambda: targets(prometheus))
    found["metrics"] = until("metrics of alerts and dashboards", lambda: metrics(prometheus))
    found["dashboard_queries_with_data"] = until("dashboards", lambda: expressions(prometheus))
    found["alert_rules"] = until("alerts", lambda: rules(prometheus))
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
