/** In virtual time: what silence, answers and rings say of a line. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { judgeLog } from "../../src/health/callback-log.ts";
import { seeded } from "./chance.ts";
import { play, probeUntil, seasoned, story, take, toDown } from "./played.ts";

setDefaultTimeout(120_000);

describe("news", () => {
  test("a provider that says yes and tells nothing is out within 60 s", () => {
    for (const everyMs of [1_000, 100]) {
      const line = seasoned(seeded(2), 500, 0, 1_000);
      const began = line.now;
      while (line.transitions.length === 0 && line.now - began < 300_000) {
        line.wait(everyMs, everyMs);
        line.place();
      }
      expect(story(line)).toEqual(["up down silent"]);
      expect(line.now - began).toBeLessThanOrEqual(60_000);
      expect(line.view().uncertain).toBe(true);
    }
  });

  test("a new line too, and one that tells of some calls stays", () => {
    const line = play(seeded(2));
    const lossy = play(seeded(2));
    for (let second = 0; second < 60; second++) {
      for (const one of [line, lossy]) {
        one.wait(1_000);
        one.place();
      }
      if (second % 8 === 0) lossy.heard();
    }
    expect([story(line)[0], lossy.transitions]).toEqual(["up down silent", []]);
  });

  test("the trial of a silent line must be heard of, not only placed", () => {
    const line = play(seeded(2));
    const quiet = (): void => {
      for (let n = 0; n < 5; n++) line.place();
      line.wait(30_000);
    };
    quiet();
    expect(line.view().state).toBe("down");
    probeUntil(line, 60_000, () => line.view().trial);
    take(line, "t1", 45_000);
    line.see({ is: "placed", at: line.now, count: 1, ms: 100, sent: line.now - 100, callId: "t1" });
    expect(line.view()).toMatchObject({ state: "down", trial: false });
    line.wait(46_000);
    expect([line.view().trial, line.health.ejections]).toEqual([false, 2]);
    probeUntil(line, 60_000, () => line.view().trial);
    take(line, "t2", 45_000);
    line.heard();
    expect(line.view().state).toBe("up");
  });

  test("a line whose news is fetched, or that waits in our own inbox, is not called silent", () => {
    const fetched = play(seeded(2), { pushed: false });
    const waiting = play(seeded(2));
    for (let second = 0; second < 120; second++) {
      for (const line of [fetched, waiting]) {
        waiting.lagMs = second * 1_000;
        line.wait(1_000);
        line.place();
      }
    }
    expect([fetched.transitions, waiting.transitions]).toEqual([[], []]);
    waiting.lagMs = 0;
    waiting.wait(1_000);
    expect(story(waiting)).toEqual(["up down silent"]);
  });

  test("pushes that fail their authentication, and a feed read late, degrade; real news clears it", () => {
    const line = play(seeded(2));
    for (let n = 0; n < 5; n++) line.see({ is: "push-refused", at: line.now });
    expect(story(line)).toEqual(["up degraded pushes-refused"]);
    line.heard();
    line.wait(61_000);
    line.see({ is: "poll-lag", at: line.now, ms: 400_000 });
    line.wait(1_000);
    expect(story(line).slice(1)).toEqual(["degraded up recovered", "up degraded poll-late"]);
  });
});

test("the callback log's health says what is wrong, and is down only where news is not handled", () => {
  const well = { lagMs: 0, idleMs: 100, refusedLately: 0, feedLagMs: 0, silentLines: 0 };
  const told = (signs: Partial<typeof well>) => {
    const { health, causes } = judgeLog({ ...well, ...signs });
    return [health, ...causes.map(({ cause }) => cause)];
  };
  expect(told({})).toEqual(["up"]);
  expect(told({ lagMs: 11_000 })).toEqual(["degraded", "behind"]);
  expect(told({ lagMs: 61_000, idleMs: 31_000 })).toEqual(["down", "behind", "stalled"]);
  expect(told({ refusedLately: 4, feedLagMs: 299_000 })).toEqual(["up"]);
  expect(told({ refusedLately: 5, feedLagMs: 301_000, silentLines: 1 })).toEqual([
    "degraded",
    "pushes-refused",
    "poll-late",
    "silent",
  ]);
});

describe("quality", () => {
  test("few answers or late rings degrade a line against its own history, and never take it down", () => {
    const random = seeded(9);
    const line = play(random);
    const calls = (count: number, asr: number, pddMs: number): void => {
      for (let n = 0; n < count; n++) {
        line.wait(1_000, 1_000);
        line.place();
        line.see({ is: "rang", at: line.now, pddMs: pddMs * (0.5 + random()) });
        line.see({ is: "ended", at: line.now, answered: random() < asr });
        line.heard();
      }
    };
    calls(1_000, 0.15, 3_000);
    // Few answers are usual here, though not by the channel's defaults; it has its own history by now.
    line.transitions = [];
    calls(1_000, 0.15, 3_000);
    expect(line.transitions).toEqual([]);
    calls(200, 0.15, 12_000);
    expect(story(line)).toEqual(["up degraded pdd"]);
    calls(300, 0.15, 3_000);
    expect(story(line).slice(1)).toEqual(["degraded up recovered"]);
    const good = play(random);
    good.health = {
      ...good.health,
      evidence: { ...good.health.evidence, asr: { now: [0, 0], last: [30, 20], past: [500, 330] } },
    };
    for (let n = 0; n < 2_000; n++) {
      good.wait(1_000, 1_000);
      good.see({ is: "ended", at: good.now, answered: false });
    }
    expect(story(good)[0]).toBe("up degraded asr");
    expect(toDown(good)).toEqual([]);
  });

  test("until it has 50 samples the channel's defaults stand in", () => {
    const strange = play(seeded(1));
    const usual = play(seeded(1), { asr: 0.02, pddMs: 30_000 });
    for (const line of [strange, usual]) {
      for (let n = 0; n < 31; n++) {
        line.see({ is: "ended", at: line.now, answered: false });
        line.see({ is: "rang", at: line.now, pddMs: 20_000 });
      }
    }
    expect([strange.view().state, usual.view().state]).toEqual(["degraded", "up"]);
  });

  test("more errors than usual degrade before they eject", () => {
    const random = seeded(21);
    const line = seasoned(random, 5_000, 0.01, 1_000);
    for (let n = 0; n < 600 && line.transitions.length === 0; n++) {
      line.wait(1_000, 1_000);
      line.heard();
      if (random() < 0.13) line.fail();
      else line.place();
    }
    expect(story(line)).toEqual(["up degraded errors"]);
  });
});
