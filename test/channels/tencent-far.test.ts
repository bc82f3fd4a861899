/** The far side is proved by the vendor: its published signatures, and its own client, unchanged. */
import { afterAll, describe, expect, test } from "bun:test";
import { ccc } from "tencentcloud-sdk-nodejs/tencentcloud/services/ccc";
import { startTencentProvider, tc3Signature } from "../../channels/tencent/fake.ts";
import { authorization } from "../../channels/tencent/sign.ts";
import { sdkAppId, secretId, secretKey } from "./tencent-harness.ts";

let offsetMs = 0;
const now = () => Date.now() + offsetMs;
const far = await startTencentProvider({ keys: { [secretId]: secretKey }, apps: [sdkAppId], speed: 100, now });
afterAll(() => far.stop());

function clientWith(key: string) {
  return new ccc.v20200210.Client({
    credential: { secretId, secretKey: key },
    region: "ap-guangzhou",
    profile: { httpProfile: { endpoint: far.url.replace("http://", ""), protocol: "http://", reqTimeout: 5 } },
  });
}
const client = clientWith(secretKey);
const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => "no error",
    (error: { code?: string }) => error.code,
  );

describe("the vendor's published example of a signature", () => {
  // The escapes are literal text of the example.
  const text = '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}';
  const body = Buffer.from(text);
  const contentType = "application/json; charset=utf-8";
  const headers = {
    "content-type": contentType,
    host: "cvm.tencentcloudapi.com",
    "x-tc-action": "DescribeInstances",
    "x-tc-timestamp": "1551113065",
  };
  const date = "2019-02-25";
  const three: [string, string, string][] = [
    [
      "*".repeat(32),
      "content-type;host;x-tc-action",
      "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
    ],
    [
      "Gu5t9xGARNpq86cd98joQYCN3*******",
      "content-type;host",
      "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c",
    ],
    [
      "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
      "content-type;host",
      "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
    ],
  ];
  for (const [key, signedHeaders, signature] of three) {
    test(`${signedHeaders}, ${signature.slice(0, 8)}`, () => {
      expect(tc3Signature(key, { headers, body }, { date, service: "cvm", signedHeaders })).toBe(signature);
    });
  }

  test("the adapter signs it so, too", () => {
    const request = {
      url: "https://cvm.tencentcloudapi.com/",
      body,
      contentType,
      service: "cvm",
      timestamp: 1551113065,
    };
    const key = { secretId: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******", secretKey: "Gu5t9xGARNpq86cd98joQYCN3*******" };
    const scope = `Credential=${key.secretId}/2019-02-25/cvm/tc3_request`;
    const signature = "2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c";
    expect(authorization(key, request)).toBe(
      `TC3-HMAC-SHA256 ${scope}, SignedHeaders=content-type;host, Signature=${signature}`,
    );
  });
});

describe("the vendor's client", () => {
  test("places a call, sees it live, and reads its record and recording", async () => {
    const order = {
      SdkAppId: sdkAppId,
      UserId: "sdk@example.com",
      Callee: "008613900000000",
      IsForceUseMobile: true,
      UUI: "from the client",
    };
    const { SessionId = "", RequestId } = await client.CreateCallOutSession(order);
    expect([SessionId, RequestId].every((id) => /^[0-9a-f-]{36}$/.test(id ?? ""))).toBe(true);
    const { Session } = await client.DescribeTelSession({ SdkAppId: sdkAppId, SessionId });
    expect(Session).toMatchObject({ SessionID: SessionId, StaffEmail: "sdk@example.com", Direction: 1 });
    const { Sessions } = await client.DescribePSTNActiveSessionList({ SdkAppId: sdkAppId, Offset: 0, Limit: 25 });
    expect(Sessions?.map((one) => one.SessionID)).toEqual([SessionId]);
    expect(await codeOf(client.CreateCallOutSession(order))).toBe("FailedOperation.SeatStatusBusy");
    while (far.running > 0) await Bun.sleep(5);
    const at = Math.floor(Date.now() / 1_000);
    const window = { StartTimeStamp: at - 60, EndTimeStamp: at + 1, PageSize: 100, PageNumber: 0 };
    const { TotalCount, TelCdrList } = await client.DescribeTelCdr({ SdkAppId: sdkAppId, ...window });
    expect(TotalCount).toBe(1);
    expect(TelCdrList?.[0]).toMatchObject({ EndStatus: 1, UUI: "from the client", CallType: 1 });
    const detail = { SdkAppId: sdkAppId, SessionId, StartTimestamp: at - 60, EndTimestamp: at };
    const { RecordURL = "" } = await client.DescribeSessionDetail(detail);
    expect((await fetch(RecordURL)).status).toBe(200);
    expect((await fetch(RecordURL.replace(/t=\d+/, "t=1"))).status).toBe(403);
    expect(await codeOf(client.DescribeTelSession({ SdkAppId: sdkAppId, SessionId }))).toBe(
      "FailedOperation.SessionNotExists",
    );
  });

  test("hangs up, and lists numbers", async () => {
    const order = { SdkAppId: sdkAppId, UserId: "up@example.com", Callee: "008613900000010", IsForceUseMobile: true };
    const { SessionId = "" } = await client.CreateCallOutSession(order);
    await client.HangUpCall({ SdkAppId: sdkAppId, SessionId });
    expect(far.running).toBe(0);
    expect(await codeOf(client.HangUpCall({ SdkAppId: sdkAppId, SessionId }))).toBe(
      "FailedOperation.SessionNotInControlState",
    );
    expect((await client.DescribeNumbers({ SdkAppId: sdkAppId, PageNumber: 0 })).TotalCount).toBe(1);
  });

  test("is told what is wrong with a request", async () => {
    const callee = { UserId: "x@example.com", IsForceUseMobile: true };
    const place = (fields: object) =>
      codeOf(client.CreateCallOutSession({ SdkAppId: sdkAppId, Callee: "008613900000020", ...callee, ...fields }));
    expect(await place({ IsForceUseMobile: false })).toBe("InvalidParameter");
    expect(await place({ Callee: "13900000020" })).toBe("InvalidParameter");
    expect(await place({ UUI: "u".repeat(1_025) })).toBe("InvalidParameter");
    expect(await place({ UserId: "nobody" })).toBe("InvalidParameterValue.AccountNotExist");
    expect(await place({ SdkAppId: 1 })).toBe("InvalidParameter.InstanceNotExist");
    const window = { StartTimeStamp: 0, EndTimeStamp: Math.floor(Date.now() / 1_000), PageSize: 1, PageNumber: 0 };
    expect(await codeOf(client.DescribeTelCdr({ SdkAppId: sdkAppId, ...window }))).toBe("InvalidParameterValue");
    expect(far.running).toBe(0);
  });

  test("is refused with another key, and beyond five minutes on either side", async () => {
    const asked = { SdkAppId: sdkAppId, PageNumber: 0 };
    expect(await codeOf(clientWith("another").DescribeNumbers(asked))).toBe("AuthFailure.SignatureFailure");
    for (const ms of [302_000, -302_000]) {
      offsetMs = ms;
      expect(await codeOf(client.DescribeNumbers(asked))).toBe("AuthFailure.SignatureExpire");
    }
    offsetMs = 295_000;
    expect(await codeOf(client.DescribeNumbers(asked))).toBe("no error");
    offsetMs = 0;
  });
});

describe("a request that was changed on its way is refused", () => {
  const body = JSON.stringify({ SdkAppId: sdkAppId, PageNumber: 0, PageSize: 1 });
  const timestamp = Math.floor(Date.now() / 1_000);
  const contentType = "application/json";
  const request = { url: `${far.url}/`, body: Buffer.from(body), contentType, service: "ccc", timestamp };
  const headers = {
    "content-type": contentType,
    "x-tc-action": "DescribeNumbers",
    "x-tc-version": "2020-02-10",
    "x-tc-timestamp": String(timestamp),
    authorization: authorization({ secretId, secretKey }, request),
  };
  async function codeFor(changed: Partial<typeof headers>, text = body): Promise<unknown> {
    const answer = await fetch(`${far.url}/`, { method: "POST", headers: { ...headers, ...changed }, body: text });
    const { Response } = (await answer.json()) as { Response: { Error?: { Code: string } } };
    return Response.Error?.Code;
  }

  test("its body, time, type, signature, key, day, or that it is signed at all", async () => {
    const signed = headers.authorization;
    const flipped = signed.slice(0, -1) + (signed.endsWith("0") ? "1" : "0");
    const failure = "AuthFailure.SignatureFailure";
    expect(await codeFor({})).toBeUndefined();
    expect(await codeFor({}, body.replace('"PageSize":1', '"PageSize":2'))).toBe(failure);
    expect(await codeFor({ "x-tc-timestamp": String(timestamp - 1) })).toBe(failure);
    expect(await codeFor({ "content-type": "application/json; charset=utf-8" })).toBe(failure);
    expect(await codeFor({ authorization: flipped })).toBe(failure);
    expect(await codeFor({ authorization: signed.replace(/\/\d{4}-/, "/2019-") })).toBe(failure);
    expect(await codeFor({ authorization: signed.replace("content-type;host", "host") })).toBe(failure);
    expect(await codeFor({ authorization: signed.replace(secretId, "AKIDother") })).toBe(
      "AuthFailure.SecretIdNotFound",
    );
    expect(await codeFor({ authorization: "Bearer x" })).toBe("AuthFailure.InvalidAuthorization");
    expect(await codeFor({ "x-tc-version": "2019-01-01" })).toBe("NoSuchVersion");
  });
});
