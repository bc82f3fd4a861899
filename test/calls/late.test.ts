/** A commit that comes back late: by then others may take the attempt for a crash's, and ask for another line. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { dial } from "../../src/calls/dial.ts";
import { tenantOf } from "../limits/tenant.ts";
import { customer, startTestService, startTimeoutMs, type TestService } from "../service.ts";

let on: TestService;
setDefaultTimeout(60_000);
beforeAll(async () => {
  on = await startTestService({ tickMs: 100 });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

test("nothing is sent for it any more: it is written as sent anew, or goes to the next line", async () => {
  const tenant = await tenantOf(on);
  const { id } = await tenant.line();
  const phone = customer(0);
  const { calls } = on.service;
  const slow: typeof calls = {
    ...calls,
    async begin(intent) {
      const begun = await calls.begin(intent);
      on.clock.advance(6_000);
      return begun;
    },
  };
  const request = { customerPhone: phone, agent: customer(0), callMethod: "auto", placeWithin: 30 } as const;
  const { callId } = await dial(slow, tenant.name, request, null);
  await tenant.ended(callId);
  const { attempts } = (await on.ask("GET", `/api/v1/calls/${callId}/route`, { key: tenant.key })).body;
  expect(attempts.map(({ lineId, outcome }: { lineId: number; outcome: string }) => [lineId, outcome])).toEqual([
    [id, "absent"],
    [id, "placed"],
  ]);
  expect(on.far.ringsOf(`+86${phone}`)).toEqual({ a: 1, b: 1 });
});
