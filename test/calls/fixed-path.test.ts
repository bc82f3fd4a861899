/** A path that is the same for all, of a kind whose pushes prove themselves without a signature of ours. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { stamped } from "../../channels/fake/far/door.ts";
import { startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { handled, lineOf, type TestLine, variants } from "./variant.ts";

setDefaultTimeout(60_000);
let on: TestService;
let lines: TestLine[];
beforeAll(async () => {
  const definition = { legacyPaths: ["status"], signsPushes: () => true };
  on = await startTestService({ loadChannel: variants({ proving: { definition } }), tickMs: 200 });
  const stranger = await on.tenant("stranger");
  lines = [await lineOf(on, { provider: "proving" }), await lineOf(on, { provider: "proving", key: stranger })];
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

function push(path: string, secret: string): Promise<Response> {
  const body = JSON.stringify({
    type: "event",
    callId: "fk-nobodys",
    callRef: "call_nope",
    event: "ringing",
    leg: "a",
  });
  const headers = stamped(secret, randomUUID(), on.clock.now().getTime(), body);
  return fetch(`${on.url}/api/v1/calls/webhook/${path}`, { method: "POST", headers, body });
}

test("the line whose secret fits takes it, whichever tenant's it is; with no such secret it is 401", async () => {
  for (const { secret } of lines) expect((await push("proving/status", secret)).status).toBe(200);
  const [first] = lines;
  expect((await push("proving/status", "not the secret")).status).toBe(401);
  expect((await push("proving/other", first?.secret ?? "")).status).toBe(401);
  // The same provider without the promise has no such path.
  expect((await push("fake/status", (await lineOf(on)).secret)).status).toBe(401);
  expect((await handled(on, 2)).handled.deliveries).toBe(2);
});
