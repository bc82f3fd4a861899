import assert from "node:assert/strict";
import type { CallEvent, CallOrder, PlacedCall } from "../../../channels/contract.ts";
import { divertedFetch, type FaultName, startFault } from "../faults.ts";
import { type Harness, phone } from "../harness.ts";
import { channelOf, type Line, never, patienceMs, withLine } from "../line.ts";
import { type Check, failure, orderOf, within } from "./check.ts";
import { isOver } from "./news.ts";

async function placeOn(line: Line, order: CallOrder, now: () => Date): Promise<PlacedCall> {
  const { callId, attempt } = order;
  return { callId, attempt, ...(await line.place(order)), sentAt: now() };
}

const bothTalk = (events: CallEvent[]) => events.some((event) => event.kind === "answered" && event.leg === "b");
const unknownCall = (call: PlacedCall): PlacedCall => ({ ...call, providerCallId: "nobody-knows-this" });

/** Loses the answer of an accepted call, then looks the call up until `enough` or patience ends. */
async function lookUpLost(harness: Harness, enough: (found: unknown) => boolean): Promise<unknown[]> {
  const channel = channelOf(harness);
  const order = orderOf(harness, "lost-answer");
  const since = harness.tools.now();
  const error = await failure(channel.place(order, never()), "place with a lost answer");
  assert.equal(error.effect, "unknown");
  await Bun.sleep(harness.definition.lookup(harness.definition.config.parse(harness.config)).settleAfterMs);
  const answers: unknown[] = [];
  const giveUpAt = performance.now() + patienceMs;
  do {
    answers.push(await channel.find?.(order, since, never()));
    if (enough(answers.at(-1))) break;
    await Bun.sleep(20);
  } while (performance.now() < giveUpAt);
  return answers;
}

const isPlacement = (found: unknown) => typeof found === "object" && found !== null && "providerCallId" in found;

export const findChecks: Check[] = [
  {
    name: "find: a call whose answer was lost is found as far as the provider can tell, and never called absent",
    async run(harness) {
      const enough = harness.lookup === "none" ? () => true : isPlacement;
      const answers = await lookUpLost(harness, enough);
      assert(!answers.includes("absent"), "an accepted call was called absent");
      if (harness.lookup === "none") assert.deepEqual(answers, ["cannot-tell"]);
      else assert(isPlacement(answers.at(-1)), "the call was never found");
      if (harness.lookup === "running") assert.equal(answers.length, 1, "a running call was not found at once");
    },
  },
  {
    name: "find: a call that was never placed is absent only where running calls are listed",
    async run(harness) {
      const order = orderOf(harness, "answered");
      const found = await channelOf(harness).find?.(order, harness.tools.now(), never());
      assert.equal(found, harness.lookup === "running" ? "absent" : "cannot-tell");
    },
  },
  {
    name: "find: another attempt of the same call is not taken for this one",
    async run(harness) {
      const channel = channelOf(harness);
      const order = orderOf(harness, "answered");
      await channel.place(order, never());
      const second = { ...order, attempt: order.attempt + 1 };
      assert(!isPlacement(await channel.find?.(second, harness.tools.now(), never())));
    },
  },
  {
    name: "find: a provider that gives no sensible answer proves nothing",
    async run(harness) {
      const names: FaultName[] = ["reset", "badGateway", "echo", "cutShort", "redirect"];
      for (const name of names) {
        const fault = await startFault(name);
        const fetch = divertedFetch(harness.tools.fetch, fault.url, () => true);
        const order = orderOf(harness, "answered");
        const found = channelOf(harness, { fetch }).find?.(order, harness.tools.now(), never());
        const outcome = await within(
          Promise.resolve(found).catch((error: unknown) => error),
          "find",
        );
        assert.notEqual(outcome, "absent", name);
        assert(!isPlacement(outcome), name);
        await fault.stop();
      }
    },
  },
];

export const hangupChecks: Check[] = [
  {
    name: "hangup: a call that has not been joined ends normally, and B is left alone",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered");
        const call = await placeOn(line, order, harness.tools.now);
        await line.channel.hangup?.(call, never());
        const events = await line.newsOf(order, call, isOver);
        const end = events.find((event) => event.kind === "ended");
        assert(end?.kind === "ended");
        assert.deepEqual([end.closeType, end.cause], [0, "NORMAL_CLEARING"]);
        assert(!bothTalk(events));
      }),
  },
  {
    name: "hangup: a call that nobody knows is an error",
    run: (harness) =>
      withLine(harness, async (line) => {
        const call = await placeOn(line, line.order("answered"), harness.tools.now);
        const hungUp = line.channel.hangup?.(unknownCall(call), never()) ?? Promise.resolve();
        assert.equal((await failure(hungUp, "hangup of an unknown call")).cause, "not-found");
      }),
  },
];

export const controlChecks: Check[] = [
  {
    name: "control: every action declared reaches the call",
    run: (harness) =>
      withLine(harness, async (line) => {
        const { channel } = line;
        const order = line.order("answered");
        const call = await placeOn(line, order, harness.tools.now);
        await line.newsOf(order, call, bothTalk);
        const actions = harness.definition.controls(harness.definition.config.parse(harness.config));
        for (const action of actions) {
          const control = action === "transfer" ? { action, to: phone("+8613900000001") } : { action };
          await channel.control?.(call, control, never());
        }
        const done = harness.controlled(call.providerCallId);
        assert.deepEqual(
          done.map((action) => action.split(" ")[0]),
          actions,
        );
        const lost = channel.control?.(unknownCall(call), { action: "mute" }, never()) ?? Promise.resolve();
        assert.equal((await failure(lost, "control of an unknown call")).cause, "not-found");
      }),
  },
];

export const recordingChecks: Check[] = [
  {
    name: "recording: its reference opens the sound, as long as told",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered", { record: true });
        const placed = await line.place(order);
        const events = await line.newsOf(order, placed, (all) => all.some((event) => event.kind === "recording"));
        const recording = events.find((event) => event.kind === "recording");
        assert(recording?.kind === "recording" && line.channel.openRecording);
        const sound = await line.channel.openRecording(recording.recordingRef, never());
        const bytes = await new Response(sound).bytes();
        assert(bytes.length > 0);
        if (recording.sizeBytes !== undefined) assert.equal(bytes.length, recording.sizeBytes);
      }),
  },
  {
    name: "recording: none where none was asked for, and an unknown one is an error",
    run: (harness) =>
      withLine(harness, async (line) => {
        const order = line.order("answered");
        const events = await line.newsOf(order, await line.place(order), isOver);
        assert(!events.some((event) => event.kind === "recording"));
        for (const ref of ["nobody-knows-this", "../../etc/passwd"]) {
          await failure(line.channel.openRecording?.(ref, never()) ?? Promise.resolve(), "an unknown recording");
        }
      }),
  },
];
