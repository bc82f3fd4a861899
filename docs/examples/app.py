"""
A business app in Python with plain HTTP: places a callback for an order, follows it to its end, reads the record.
用 Python 与普通 HTTP：为订单发起回拨，跟踪到结束，读取通话记录。

    HUALU_URL=http://localhost:3000 HUALU_KEY=hk_… python3 docs/examples/app.py 13900000000 order-4711
"""

import json
import os
import sys
import urllib.error
import urllib.request

URL = os.environ.get("HUALU_URL", "http://localhost:3000")
KEY = os.environ.get("HUALU_KEY", "")


def ask(method, path, body=None, headers=None):
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json", **(headers or {})},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        # A problem document says what was wrong, where, and what to do.
        problem = json.load(error)
        sys.exit(f"{problem['status']} {problem['code']}: {problem['detail']}")


def main():
    phone, order = (sys.argv[1:] + ["13900000000", "order-4711"][len(sys.argv) - 1 :])[:2]
    # The key makes a repeated request harmless: the same key never dials twice.
    dialed = ask("POST", "/api/v1/calls/dial", {"customerPhone": phone, "orderId": order}, {"Idempotency-Key": order})
    call_id, version, status = dialed["callId"], 0, ""
    while status != "ended":
        # Each answer is held until the record is newer than the version that we know.
        told = ask("GET", f"/api/v1/calls/{call_id}/status?wait=25&version={version}")
        if told["status"] != status:
            print(told["status"], told["result"] or "", flush=True)
        status, version = told["status"], told["version"]
    print(json.dumps(ask("GET", f"/api/v1/calls/{call_id}"), ensure_ascii=False))


main()
