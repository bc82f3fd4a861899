import { DatabaseError } from "../../db/sql.ts";
import type { Context } from "../context.ts";
import { compareCursors, type FeedPage, feedEnd, readFeed } from "../outbox/feed.ts";
import { concerns } from "./audience.ts";
import { frameOf } from "./frame.ts";
import type { StreamLimits } from "./limits.ts";
import { type Member, room } from "./listener.ts";
import type { Post } from "./post.ts";

export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Tells a newcomer what came behind a cursor, until the rest of it is among the recent messages: from then on it hears
 * what everybody hears. No message is left out between the two, and none told twice.
 */
export async function catchUp(
  ctx: Context,
  post: Post,
  gate: Gate,
  limits: StreamLimits,
  { member, from }: { member: Member; from: string },
): Promise<void> {
  let at = from;
  let isOurs = false;
  for (let told = 0; ; ) {
    await room(member);
    if (member.over) return;
    const known = post.position ?? "";
    const ahead = compareCursors(at, known);
    const within = compareCursors(at, post.recent.horizon);
    if (ahead === null || within === null) return post.reset(member);
    if (ahead > 0 && !isOurs) {
      // Another instance may have told more than was read here; nobody has told what is not there.
      if ((compareCursors(at, await feedEnd(ctx)) ?? 1) > 0) return post.reset(member);
      isOurs = true;
      continue;
    }
    if (within >= 0) return post.goLive(member, at);
    const page = await gate(() => readOn(ctx, member.tenant, at, limits.pageMax));
    if (page.reset || told > limits.replayMax) return post.reset(member);
    for (const event of page.events) {
      const frame = frameOf(event);
      if (frame === null || !concerns(frame, member)) continue;
      post.tell(member, frame);
      await room(member);
    }
    told += page.events.length;
    at = page.cursor;
    // A short page had everything of this tenant's up to where the hub stood when it was asked for.
    if (page.events.length < limits.pageMax && (compareCursors(at, known) ?? 0) < 0) at = known;
  }
}

/** A cursor of the right form may still hold a number that no database takes: it is none of ours. */
export async function readOn(ctx: Context, tenant: string | null, after: string, limit: number): Promise<FeedPage> {
  try {
    return await readFeed(ctx, tenant, after, limit);
  } catch (error) {
    if (error instanceof DatabaseError && error.code.startsWith("22")) return { reset: true };
    throw error;
  }
}
