/** In virtual time: what probes say of a line, how it comes back, and what operators do. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { seeded } from "./chance.ts";
import { halfOpened, play, probeUntil, seasoned, story, take } from "./played.ts";

setDefaultTimeout(120_000);

const hourMs = 3_600_000;

describe("probes", () => {
  test("random loss of 5 % for an hour moves nothing", () => {
    const random = seeded(5);
    for (let run = 0; run < 200; run++) {
      const line = play(random);
      while (line.now < hourMs) {
        line.wait(line.health.evidence.misses > 0 ? 2_000 : 15_000, 15_000);
        line.probe(random() < 0.05 ? "failing" : null);
      }
      expect(line.transitions).toEqual([]);
    }
  });

  test("one lost of twenty moves nothing", () => {
    const line = play(seeded(1));
    for (let n = 0; n < 2_000; n++) {
      line.wait(15_000, 15_000);
      line.probe(n % 20 === 0 ? "failing" : null);
    }
    expect(line.transitions).toEqual([]);
  });

  test("a line that is not reached goes down, and comes back by probes alone when no call comes", () => {
    const line = play(seeded(1));
    for (let n = 0; n < 5; n++) {
      line.wait(2_000);
      line.probe("failing");
    }
    expect(story(line)).toEqual(["up down unreachable"]);
    expect(line.view()).toMatchObject({ state: "down", share: 0, trial: false, uncertain: false });
    line.wait(60_000);
    expect(line.view().trial).toBe(false);
    probeUntil(line, 30_000, () => line.view().state === "up");
    expect(story(line)).toEqual(["up down unreachable", "down up recovered"]);
  });

  test("refused credentials and an empty balance are causes of their own, after two", () => {
    for (const fault of ["credentials", "balance"] as const) {
      const probed = play(seeded(1));
      const called = play(seeded(1));
      for (let n = 0; n < 2; n++) {
        expect([...probed.transitions, ...called.transitions]).toEqual([]);
        probed.probe(fault);
        called.fail(fault);
      }
      expect([...story(probed), ...story(called)]).toEqual([`up down ${fault}`, `up down ${fault}`]);
    }
  });
});

describe("recovery", () => {
  test("probes do not open a line whose calls failed; one call does, and its share ramps in 60 s", () => {
    const line = halfOpened(seeded(4));
    expect(line.view()).toMatchObject({ state: "down", share: 0, trial: true });
    probeUntil(line, 600_000, () => line.view().state === "up");
    expect(line.view()).toMatchObject({ state: "down", trial: true });
    take(line, "t", 45_000);
    expect(line.view().trial).toBe(false);
    line.see({ is: "placed", at: line.now, count: 1, ms: 100, sent: line.now - 100, callId: "t" });
    expect(story(line).at(-1)).toBe("down up recovered");
    const shares = [0, 15, 30, 45, 60].map((seconds) => {
      line.wait(seconds === 0 ? 0 : 15_000);
      return line.view().share;
    });
    for (const [index, share] of [0.1, 0.325, 0.55, 0.775, 1].entries()) expect(shares[index]).toBeCloseTo(share, 5);
  });

  test("a trial that fails keeps it down for longer, up to five minutes, never twice the same", () => {
    const line = halfOpened(seeded(4));
    const waits: number[] = [];
    for (let n = 0; n < 8; n++) {
      take(line, `t${n}`, 45_000);
      line.see({ is: "failed", at: line.now, fault: "failing", unknown: false, callId: `t${n}` });
      const { mode } = line.health;
      waits.push(mode.is === "down" ? mode.until - line.now : 0);
      probeUntil(line, 600_000, () => line.view().trial);
    }
    for (const [index, base] of [20, 40, 80, 160, 300, 300, 300, 300].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(base * 800);
      expect(waits[index]).toBeLessThanOrEqual(base * 1_200);
    }
    expect(new Set(waits.slice(4)).size).toBe(4);
    expect(line.transitions).toHaveLength(1);
  });

  test("a trial whose process is gone frees the place for another", () => {
    const line = halfOpened(seeded(4));
    take(line, "lost", 45_000);
    line.wait(46_000);
    expect(line.view().trial).toBe(true);
  });

  test("a trial that is refused for its number decides nothing, and leaves the place to another", () => {
    const line = halfOpened(seeded(4));
    take(line, "vacant", 45_000);
    line.see({ is: "answered", at: line.now, callId: "vacant" });
    expect(line.view()).toMatchObject({ state: "down", trial: true });
    expect(line.health.ejections).toBe(1);
  });

  test("a good while makes the next ejection as short as the first", () => {
    const line = halfOpened(seeded(4));
    for (const [restMs, ejections] of [
      [1_000, 2],
      [599_000, 3],
      [601_000, 1],
    ] as const) {
      line.place();
      expect(line.view().state).toBe("up");
      line.heard();
      line.wait(restMs, 10_000);
      for (let n = 0; n < 5; n++) line.fail();
      expect(line.health.ejections).toBe(ejections);
      probeUntil(line, 600_000, () => line.view().trial);
    }
  });
});

describe("operators", () => {
  test("hold a line whatever it does, and release it into a ramp", () => {
    const line = seasoned(seeded(1), 200, 0, 1_000);
    line.see({ is: "hold", at: line.now, by: "key_1", reason: "maintenance" });
    for (let n = 0; n < 10; n++) line.fail();
    expect(line.view()).toMatchObject({ state: "held", share: 0, trial: false });
    line.see({ is: "release", at: line.now });
    line.wait(0);
    expect(story(line)).toEqual(["up held operator", "held up released"]);
    expect(line.transitions[0]?.reason).toBe("maintenance");
    expect(line.view().share).toBeCloseTo(0.1, 5);
  });
});

test("what is known of a line is small, and JSON", () => {
  const random = seeded(8);
  const line = play(random);
  for (let n = 0; n < 20_000; n++) {
    line.wait(100, 100);
    if (random() < 0.3) line.fail(random() < 0.5 ? "failing" : "balance", random() < 0.5);
    else line.place();
    if (random() < 0.1) line.heard();
    line.see({ is: "rang", at: line.now, pddMs: 99_999 * random() });
    line.see({ is: "ended", at: line.now, answered: random() < 0.5 });
    line.see({ is: "push-refused", at: line.now });
    if (random() < 0.1) line.probe();
  }
  expect(line.transitions.length).toBeGreaterThan(10);
  const text = JSON.stringify(line.health);
  expect(text.length).toBeLessThan(2_500);
  expect(JSON.parse(text)).toEqual(line.health);
});
