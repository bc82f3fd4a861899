/** One reader of the feed for all who listen at this process: each message is read, opened and written once. */
import type { Bearer } from "../auth/tickets.ts";
import type { RecordChange } from "../calls/context.ts";
import type { Context } from "../context.ts";
import { Refusal } from "../domain/refusal.ts";
import { errorFields } from "../log.ts";
import { compareCursors, feedEnd } from "../outbox/feed.ts";
import { frameOf } from "./frame.ts";
import { createGate } from "./gate.ts";
import { catchUp, readOn } from "./join.ts";
import { noStreams, type StreamCounts, type StreamLimits, streamLimits } from "./limits.ts";
import { type EndReason, endSink, type Listener, type Member, newMember, type StreamKind } from "./listener.ts";
import { createOwed } from "./owed.ts";
import { createPost } from "./post.ts";
import { revokedAmong } from "./revoked.ts";

export interface Hub {
  /** Takes a place; a Refusal where there is none. `after`: the cursor of the last message that was seen, if any. */
  listen(who: Bearer, kind: StreamKind, after: string | null): Listener;
  /** Records have changed in this process: what tells of it can be read now, or in a moment. */
  told(changes: readonly RecordChange[]): void;
  /** Reads on in the feed; true when there is more at once. */
  runOnce(signal: AbortSignal): Promise<boolean>;
  /** Ends every stream, and lets nobody in any more. */
  close(): void;
  readonly counts: StreamCounts;
}

const attachWithinMs = 10_000;
const lookEveryMs = 1_000;
const askKeysEveryMs = 60_000;

export interface HubOptions {
  /** Asks for `runOnce` soon. */
  wake(): void;
  limits?: Partial<StreamLimits>;
}

export function createHub(ctx: Context, { wake, limits: given = {} }: HubOptions): Hub {
  const limits = { ...streamLimits, ...given };
  const members = new Set<Member>();
  const perTenant = new Map<string, number>();
  const owed = createOwed();
  const gate = createGate(limits.replaysAtOnce);
  const counts = noStreams();
  const post = createPost(ctx, { framesMax: limits.recentMax, counts, end });
  const due = { look: 0, beat: 0, keys: 0, read: 0 };
  let beginning: Promise<void> | null = null;
  let closed = false;
  let leftAt = 0;
  const now = (): number => ctx.clock.now().getTime();

  function listen(who: Bearer, kind: StreamKind, after: string | null): Listener {
    if (closed) throw new Refusal("unavailable", "正在停止 · stopping", { retryAfterSeconds: 1 });
    const here = perTenant.get(who.tenant) ?? 0;
    if (members.size >= limits.listenersMax || here >= limits.tenantListenersMax)
      throw new Refusal("overloaded", "实时连接过多 · too many streams are open", { retryAfterSeconds: 5 });
    const member = newMember(who, who.keyId, kind, now());
    members.add(member);
    perTenant.set(who.tenant, here + 1);
    counts.open[kind] += 1;
    return {
      attach(sink) {
        member.sink = sink;
        if (member.over) endSink(member, "stopping");
        else void join(member, after);
      },
      drained: () => post.drained(member),
      left: () => end(member, "left"),
    };
  }

  function end(member: Member, reason: EndReason): void {
    if (member.over) return;
    member.over = true;
    members.delete(member);
    post.audience.remove(member);
    const left = (perTenant.get(member.tenant) ?? 1) - 1;
    if (left === 0) perTenant.delete(member.tenant);
    else perTenant.set(member.tenant, left);
    counts.open[member.kind] -= 1;
    counts.ended[reason] += 1;
    leftAt = now();
    member.roomMade?.();
    if (reason !== "left") endSink(member, reason);
  }

  /** Begins to read where the feed ends now. */
  function begin(): Promise<void> {
    if (post.position !== null) return Promise.resolve();
    beginning ??= feedEnd(ctx)
      .then((cursor) => post.begin(cursor))
      .finally(() => {
        beginning = null;
      });
    return beginning;
  }

  async function join(member: Member, after: string | null): Promise<void> {
    try {
      await begin();
      const from = after ?? post.position ?? "";
      if (compareCursors(from, post.position ?? "") === null) return post.reset(member);
      post.say(member, "READY", from);
      await catchUp(ctx, post, gate, limits, { member, from });
      wake();
    } catch (error) {
      ctx.log.warn({ ...errorFields(error), tenant: member.tenant }, "a stream could not begin");
      end(member, "failed");
    }
  }

  /** Cuts who does not read, and gives the others a sign of life. */
  function lookAfter(): void {
    const at = now();
    if (at < due.look) return;
    due.look = at + lookEveryMs;
    const beats = at >= due.beat;
    if (beats) due.beat = at + limits.beatMs;
    for (const member of [...members]) {
      const isFull = member.fullSince !== null && at - member.fullSince > limits.slowMs;
      const isLost = member.next !== null && member.next < post.recent.first;
      if (member.sink === null && at - member.since > attachWithinMs) end(member, "left");
      else if (member.sink !== null && (isFull || isLost)) end(member, "slow");
      else if (beats) post.beat(member);
    }
  }

  /** A key that was revoked takes its streams with it. */
  async function askKeys(): Promise<void> {
    if (now() < due.keys || members.size === 0) return;
    due.keys = now() + askKeysEveryMs;
    const revoked = await revokedAmong(ctx, members);
    for (const member of [...members]) if (revoked.has(`${member.tenant}/${member.keyId}`)) end(member, "revoked");
  }

  async function read(after: string): Promise<boolean> {
    const page = await readOn(ctx, null, after, limits.pageMax);
    if (page.reset) {
      // The database is another one: nobody's cursor is worth anything.
      post.begin(await feedEnd(ctx));
      for (const member of post.audience.all()) post.reset(member);
      return true;
    }
    for (const event of page.events) {
      const frame = frameOf(event);
      if (frame === null) continue;
      owed.paid(frame);
      post.publish(frame);
    }
    post.moveTo(page.cursor);
    return page.events.length === limits.pageMax;
  }

  return {
    counts,
    listen,
    told(changes) {
      if (members.size === 0) return;
      owed.add(changes, now());
      wake();
    },
    async runOnce(signal) {
      lookAfter();
      if (post.position === null) return false;
      if (members.size === 0 && now() - leftAt > limits.idleMs) {
        post.begin(null);
        return false;
      }
      await askKeys();
      const waitMs = Math.min(limits.gatherMs, due.read - now());
      if (waitMs > 0) await ctx.clock.sleep(waitMs, signal);
      const more = await read(post.position);
      due.read = now() + limits.gatherMs;
      // What was told of and is not to be seen yet stands behind an older transaction that still runs.
      return more || owed.any(now());
    },
    close() {
      closed = true;
      for (const member of [...members]) end(member, "stopping");
    },
  };
}
