import { expect, test } from "bun:test";
import { givenUpAfterMs, nextTry, openFor, readRetryAfter } from "../../src/notify/retry.ts";
import { liveSecrets, signatures } from "../../src/notify/secret.ts";

const at = new Date("2025-01-01T00:00:00.000Z");

test("tries go on for at least 75 hours, and the last is the last", () => {
  for (const chance of [0, 0.5, 1]) {
    let now = at;
    let tries = 0;
    for (;;) {
      tries += 1;
      const next = nextTry(tries, at, now, chance, null);
      if (next === null) break;
      expect(next.getTime()).toBeGreaterThan(now.getTime());
      now = next;
    }
    expect(now.getTime() - at.getTime()).toBeGreaterThanOrEqual(givenUpAfterMs);
    expect(tries).toBeGreaterThanOrEqual(12);
  }
});

test("Retry-After is seconds or a date, never shortens a wait, and is bounded", () => {
  expect(readRetryAfter("120", at)).toBe(120_000);
  expect(readRetryAfter("Wed, 01 Jan 2025 00:01:00 GMT", at)).toBe(60_000);
  expect(readRetryAfter("Tue, 31 Dec 2024 00:01:00 GMT", at)).toBe(0);
  for (const nothing of [null, "", "soon", "-5", "1e9"]) expect(readRetryAfter(nothing, at)).toBeNull();
  const wait = (retryAfterMs: number | null) => (nextTry(1, at, at, 0.5, retryAfterMs)?.getTime() ?? 0) - at.getTime();
  expect([wait(null), wait(1), wait(60_000), wait(10 ** 12)]).toEqual([5_000, 5_000, 60_000, 86_400_000]);
  expect([openFor(5, 0.5, null), openFor(6, 0.5, null), openFor(50, 0.5, null)]).toEqual([30_000, 60_000, 300_000]);
  expect(openFor(1, 0.5, 10 ** 12)).toBe(3_600_000);
});

/** https://github.com/standard-webhooks/standard-webhooks, the specification's example. */
test("the specification's example gives the specification's signature", () => {
  const secrets = [{ text: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", until: null }];
  const body = '{"test": 2432232314}';
  expect(signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});

test("an old secret signs until its day is over", () => {
  const secrets = [
    { text: "whsec_bmV3", until: null },
    { text: "whsec_b2xk", until: at.getTime() + 1 },
  ];
  expect(liveSecrets(secrets, at)).toHaveLength(2);
  expect(liveSecrets(secrets, new Date(at.getTime() + 1))).toHaveLength(1);
});
