/** The signature: the vendor's published example, the vendor's whole client, and what the far side refuses. */
import { afterAll, describe, expect, test } from "bun:test";
import OpenApi, { Config, OpenApiRequest, Params } from "@alicloud/openapi-client";
import { signatureOf } from "../../channels/aliyun/fake.ts";
import { sign } from "../../channels/aliyun/sign.ts";
import { accessKeyId, accessKeySecret, instanceId, startAliyunHarness } from "./aliyun-harness.ts";
import { channelOf, never } from "./line.ts";

/** help.aliyun.com/document_detail/2593177.html */
const published = {
  host: "ecs.cn-shanghai.aliyuncs.com",
  action: "RunInstances",
  version: "2014-05-26",
  query: { ImageId: "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", RegionId: "cn-shanghai" },
  now: new Date("2023-10-26T10:22:32Z"),
  nonce: "3156853299f313e23d1673dc12e1703d",
};
const signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
const signedNames = [
  "host",
  "x-acs-action",
  "x-acs-content-sha256",
  "x-acs-date",
  "x-acs-signature-nonce",
  "x-acs-version",
];

describe("the vendor's published example", () => {
  const by = { accessKeyId: "YourAccessKeyId", accessKeySecret: "YourAccessKeySecret" };
  const { authorization, ...headers } = sign(published, by);

  test("is what we sign", () => {
    expect(authorization).toBe(
      `ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=${signedNames.join(";")},Signature=${signature}`,
    );
  });

  test("is what the far side verifies, with code of its own", () => {
    const query = new URLSearchParams(published.query);
    const url = new URL(`https://${published.host}/?${query}`);
    const whole = { host: published.host, ...headers };
    expect(signatureOf("POST", url, signedNames, whole, by.accessKeySecret)).toBe(signature);
    expect(signatureOf("POST", url, signedNames, whole, "another")).not.toBe(signature);
  });
});

const harness = await startAliyunHarness("pushed");
afterAll(() => harness.far.stop());

describe("the vendor's own client, unchanged", () => {
  const endpoint = new URL(harness.far.url).host;
  /** The client reads its fields, and is of a class in a package of its own. */
  const runtime = { connectTimeout: 5_000, readTimeout: 5_000 } as Parameters<OpenApi["callApi"]>[2];
  const call = (action: string, query: Record<string, string>, secret = accessKeySecret) => {
    const config = new Config({ accessKeyId, accessKeySecret: secret, endpoint, protocol: "HTTP" });
    const params = new Params({
      action,
      version: "2020-07-01",
      protocol: "HTTPS",
      method: "POST",
      authType: "AK",
      style: "RPC",
      pathname: "/",
      reqBodyType: "formData",
      bodyType: "json",
    });
    return new OpenApi(config).callApi(params, new OpenApiRequest({ query }), runtime);
  };

  test("is let in, and gets what our own channel gets", async () => {
    const { statusCode, body } = await call("GetInstance", { InstanceId: instanceId });
    expect([statusCode, body]).toMatchObject([200, { Code: "OK", Data: { Id: instanceId, Status: "RUNNING" } }]);
    const before = harness.far.calls.length;
    const numbers = { Caller: "13800000001", Callee: "13900000000", Broker: "01000000000" };
    // Signs that the client escapes in one way for the signature and in another on the wire.
    const tags = "a b*c~d'(e)!中";
    const started = await call("StartBack2BackCall", { InstanceId: instanceId, ...numbers, Tags: tags });
    const placed = harness.far.calls[before];
    expect(started.body.Data.CallContext.JobId).toBe(placed?.jobId ?? "");
    expect(placed?.order).toMatchObject({ ...numbers, Tags: tags });
  });

  test("is refused with a wrong secret, and told of a code in a 200", async () => {
    await expect(call("GetInstance", { InstanceId: instanceId }, "wrong-secret")).rejects.toMatchObject({
      code: "SignatureDoesNotMatch",
      statusCode: 400,
    });
    const { statusCode, body } = await call("GetCallDetailRecord", { InstanceId: instanceId, ContactId: "job-none" });
    expect([statusCode, body.Code]).toEqual([200, "NotExists.ContactId"]);
  });
});

describe("the far side refuses", () => {
  /** What the channel sends, changed on its way. */
  const through = (change: (request: Request) => Request, now = () => new Date()) =>
    channelOf(harness, { now, fetch: (request) => fetch(change(request)) }).probe(never());
  const renamed = (request: Request, edit: (url: URL, headers: Headers) => void): Request => {
    const url = new URL(request.url);
    const headers = new Headers(request.headers);
    edit(url, headers);
    return new Request(url.href, { method: request.method, headers, signal: request.signal });
  };
  const minutes = (count: number) => () => new Date(Date.now() + count * 60_000);
  const refusal = (code: string) => ({ kind: "unauthorized", effect: "none", cause: "credentials", code });

  test("nothing that is as it was signed", () => through((request) => request));

  test("another query, another header, another signature", async () => {
    const tampered: ((url: URL, headers: Headers) => void)[] = [
      (url) => url.searchParams.set("InstanceId", "ccc-demo2"),
      (url) => url.searchParams.set("More", "1"),
      (_, headers) => headers.set("x-acs-action", "ListInstances"),
      (_, headers) => headers.set("x-acs-signature-nonce", "another"),
      (_, headers) => headers.set("x-acs-content-sha256", "0".repeat(64)),
      (_, headers) => {
        const last = headers.get("authorization") ?? "";
        headers.set(
          "authorization",
          last.replace(/.$/, (one) => (one === "0" ? "1" : "0")),
        );
      },
    ];
    for (const edit of tampered) {
      await expect(through((request) => renamed(request, edit))).rejects.toMatchObject(
        refusal("SignatureDoesNotMatch"),
      );
    }
    const bare = through((request) => renamed(request, (_, headers) => headers.delete("authorization")));
    await expect(bare).rejects.toMatchObject(refusal("IncompleteSignature"));
  });

  test("a time that is more than 15 minutes off, either way", async () => {
    await through((request) => request, minutes(14));
    await through((request) => request, minutes(-14));
    for (const off of [16, -16]) {
      const late = through((request) => request, minutes(off));
      await expect(late).rejects.toMatchObject(refusal("InvalidTimeStamp.Expired"));
    }
  });

  test("a request that comes again", async () => {
    const sent: { url: string; method: string; headers: [string, string][] }[] = [];
    const recording = (request: Request) => {
      sent.push({ url: request.url, method: request.method, headers: [...request.headers] });
      return request;
    };
    await through(recording);
    const [first] = sent;
    if (first === undefined) throw new Error("nothing was sent");
    const again = await fetch(first.url, first);
    expect([again.status, await again.json()]).toMatchObject([400, { Code: "SignatureNonceUsed" }]);
    await through(recording);
  });

  test("a key that nobody has", async () => {
    const stranger = channelOf(harness, {}, { ...harness.config, accessKeyId: "LTAI5tNobodysKey" });
    await expect(stranger.probe(never())).rejects.toMatchObject(refusal("InvalidAccessKeyId.NotFound"));
  });
});
