/** The promises of the channel contract, kept by every adapter: one call per configuration of a provider. */

import { describe, test } from "bun:test";
import assert from "node:assert/strict";
import { controlChecks, findChecks, hangupChecks, recordingChecks } from "./checks/act.ts";
import { followChecks, pollChecks } from "./checks/ask.ts";
import type { Check } from "./checks/check.ts";
import { definitionChecks } from "./checks/definition.ts";
import { newsChecks } from "./checks/news.ts";
import { placeChecks } from "./checks/place.ts";
import { secretChecks } from "./checks/secrets.ts";
import { webhookChecks } from "./checks/webhook.ts";
import type { Harness } from "./harness.ts";
import { channelOf } from "./line.ts";

/** The checks that apply to what this configuration can do at all. */
export function checksFor(harness: Harness): Check[] {
  const channel = channelOf(harness);
  return [
    ...definitionChecks,
    ...placeChecks,
    ...newsChecks,
    ...secretChecks,
    ...(channel.webhook ? webhookChecks : []),
    ...(channel.follow ? followChecks : []),
    ...(channel.poll ? pollChecks : []),
    ...(channel.find ? findChecks : []),
    ...(channel.hangup ? hangupChecks : []),
    ...(channel.control ? controlChecks : []),
    ...(channel.openRecording ? recordingChecks : []),
  ];
}

export interface Choice {
  /** Name of a check → why this provider cannot keep it. */
  deviations?: Record<string, string>;
  /** Less than all, for a configuration that differs from a tested one in one respect. */
  checks?: Check[];
}

/** Registers the checks with bun:test. A deviation that is no longer needed fails, and so does one of no check. */
export function testChannel(title: string, harness: Harness, choice: Choice = {}): void {
  const { deviations = {}, checks = checksFor(harness) } = choice;
  describe(title, () => {
    for (const check of checks) {
      const reason = deviations[check.name];
      if (reason === undefined) test(check.name, () => check.run(harness));
      else test(`deviates: ${check.name} (${reason})`, () => assert.rejects(check.run(harness), assert.AssertionError));
    }
    test("deviations name checks of this suite", () => {
      const names = checks.map((check) => check.name);
      assert.deepEqual(
        Object.keys(deviations).filter((name) => !names.includes(name)),
        [],
      );
    });
  });
}
