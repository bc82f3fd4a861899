/** In virtual time: which placements take a line out, and which do not. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { errorCauses, errorKinds } from "../../channels/errors.ts";
import { faultOf } from "../../src/health/cause.ts";
import { hangAfterMs } from "../../src/health/evidence.ts";
import { createPending } from "../../src/health/pending.ts";
import { seeded } from "./chance.ts";
import { play, seasoned, story, toDown, traits } from "./played.ts";

setDefaultTimeout(120_000);

const hourMs = 3_600_000;

describe("placements", () => {
  test("a dead line is out after five failures", () => {
    for (const share of [0, 0.005, 0.01]) {
      for (const everyMs of [100, 200, 1_000, 60_000]) {
        const line = seasoned(seeded(3), 3_000, share, everyMs);
        for (let n = 0; n < 5 && toDown(line).length === 0; n++) {
          // Two are an accident, on whatever line.
          if (n <= 2) expect(line.transitions).toEqual([]);
          line.now += everyMs;
          line.fail();
        }
        expect(story(line).at(-1)).toEndWith("down failing");
      }
    }
  });

  test("a hanging line is out within a second at five calls a second, and nobody uses it in need", () => {
    for (const [everyMs, history] of [200, 50, 5].flatMap((every) =>
      [3_000, 0].map((calls) => [every, calls] as const),
    )) {
      const line = seasoned(seeded(3), history, 0, everyMs);
      const pending = createPending();
      const began = line.now;
      for (let sent = 0; line.transitions.length === 0 && line.now < began + 20_000; line.now += 5) {
        if ((line.now - began) % everyMs === 0) pending.started(`c${sent}`, `c${sent++}`, line.now);
        for (const hung of pending.overdue(line.now, hangAfterMs(line.health.evidence, traits))) line.see(hung);
        line.wait(0);
        line.see({ is: "answered", at: line.now, callId: null });
      }
      expect(line.now - began).toBeLessThanOrEqual(1_005);
      expect(story(line)).toEqual(["up down hanging"]);
      expect(line.view().uncertain).toBe(true);
      line.now += hourMs;
      expect(line.view().uncertain).toBe(true);
    }
  });

  test("what hung and succeeds after all was only slow: one call may show it at once", () => {
    const line = seasoned(seeded(3), 3_000, 0, 200);
    const pending = createPending();
    for (let n = 0; n < 5; n++) pending.started(`c${n}`, `c${n}`, line.now);
    line.now += 1_000;
    for (const hung of pending.overdue(line.now, hangAfterMs(line.health.evidence, traits))) line.see(hung);
    expect([line.view().state, line.view().trial]).toEqual(["down", false]);
    line.now += 500;
    for (let n = 0; n < 5; n++) {
      const over = pending.finished(`c${n}`);
      expect(over?.hung).toBe(true);
      line.see({ is: "returned", placed: true, at: line.now, ms: 1_500, sent: over?.sent ?? 0, callId: `c${n}` });
    }
    expect(line.view().trial).toBe(true);
    // It knows now that this line can be so slow.
    expect(hangAfterMs(line.health.evidence, traits)).toBeGreaterThan(2_000);
    expect(pending.size).toBe(0);
  });

  test("a line that fails every second call is out within 30 s at one call a second", () => {
    const late: number[] = [];
    for (let run = 0; run < 1_000; run++) {
      const random = seeded(run);
      const line = seasoned(random, 3_000, 0.005, 1_000);
      const began = line.now;
      while (toDown(line).length === 0 && line.now - began < 120_000) {
        line.now += 1_000;
        line.heard();
        if (random() < 0.5) line.fail();
        else line.place();
      }
      if (line.now - began > 30_000) late.push(line.now - began);
    }
    expect(late).toEqual([]);
  });

  for (const [perSecond, hours] of [
    [1, 30_000],
    [10, 10_000],
  ] as const) {
    test(`at 2 % errors and ${perSecond} calls/s a line is out by accident less than once in 10,000 hours`, () => {
      const random = seeded(11);
      const line = play(random);
      let accidents = 0;
      for (let placed = 0; placed < hours * 3_600 * perSecond; ) {
        const gap = Math.floor(Math.log(1 - random()) / Math.log(0.98));
        placed += gap + 1;
        line.now += ((gap + 1) * 1_000) / perSecond;
        if (gap > 0) line.place(gap);
        line.heard();
        line.fail();
        if (line.transitions.length === 0) continue;
        accidents += toDown(line).length;
        line.transitions = [];
        if (line.view().state === "down")
          line.health = { ...line.health, mode: { is: "up", since: line.now, rampFrom: null } };
      }
      expect((accidents * 10_000) / hours).toBeLessThan(1);
      // It is the errors that were played, and that it has counted: 2 % of them.
      const { calls, failures } = line.health.evidence.history;
      expect(failures / calls).toBeCloseTo(0.02, 2);
    });
  }

  test("what is said about a number, an agent, a rule or a limit is no word against the line", () => {
    for (const cause of errorCauses) {
      expect(faultOf("compliance", cause) ?? "none").toBe(
        cause === "balance" || cause === "credentials" ? cause : "none",
      );
    }
    const blameless =
      "number agent shown-number parameter concurrency rate daily-limit window frequency region blacklist";
    for (const cause of errorCauses.filter((one) => blameless.split(" ").includes(one))) {
      for (const kind of ["refused", "limited", "compliance"] as const) expect(faultOf(kind, cause)).toBeNull();
    }
    for (const kind of errorKinds.filter((one) => !["refused", "limited", "compliance", "unauthorized"].includes(one)))
      expect(faultOf(kind, "other")).toBe("failing");
    expect([faultOf("refused", "server"), faultOf("refused", "balance"), faultOf("unauthorized", "other")]).toEqual([
      "failing",
      "balance",
      "credentials",
    ]);
  });

  test("one lost answer says so for a minute", () => {
    const line = seasoned(seeded(1), 200, 0, 1_000);
    line.fail("failing", true);
    expect([line.view().state, line.view().uncertain]).toEqual(["up", true]);
    line.now += 61_000;
    line.place();
    line.heard();
    expect(line.view().uncertain).toBe(false);
  });
});
