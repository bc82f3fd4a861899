import type { Context } from "../context.ts";
import { randomLetters } from "../domain/id.ts";
import { compareCursors } from "../outbox/feed.ts";
import { type Audience, concerns, createAudience } from "./audience.ts";
import { envelope, type Frame, type frameTypes } from "./frame.ts";
import type { StreamCounts } from "./limits.ts";
import { type EndReason, type Member, pingSink, put } from "./listener.ts";
import { createRecent, type Recent } from "./recent.ts";

/** Hands messages to listeners: to those that keep up as they come, to the others from the recent ones. */
export interface Post {
  readonly audience: Audience<Member>;
  readonly recent: Recent;
  /** Behind everything that was published; null while the feed is not read. */
  readonly position: string | null;
  /** Everything up to this cursor has been published. */
  moveTo(cursor: string): void;
  /** Forgets what was published; null: and reads no more. */
  begin(cursor: string | null): void;
  publish(frame: Frame): void;
  tell(member: Member, frame: Frame): boolean;
  say(member: Member, type: (typeof frameTypes)[number], cursor: string): boolean;
  goLive(member: Member, at: string): void;
  drained(member: Member): void;
  reset(member: Member): void;
  beat(member: Member): void;
}

interface PostOptions {
  framesMax: number;
  counts: StreamCounts;
  end(member: Member, reason: EndReason): void;
}

export function createPost(ctx: Context, { framesMax, counts, end }: PostOptions): Post {
  const audience = createAudience<Member>();
  const recent = createRecent(framesMax);
  let position: string | null = null;
  const now = (): number => ctx.clock.now().getTime();

  function tell(member: Member, frame: Frame): boolean {
    if (member.over) return false;
    counts.messages += 1;
    return put(member, frame.text, frame.cursor, now());
  }

  function say(member: Member, type: (typeof frameTypes)[number], cursor: string): boolean {
    const at = now();
    const messageId = `msg_${randomLetters(16, ctx.randomBytes)}`;
    return put(member, envelope(type, messageId, at, { cursor }), cursor, at);
  }

  /**
   * Tells a listener that is behind what it has not been told yet, as far as it takes it. A connection may say from
   * within a write that it takes more: this runs inside itself then, and goes on from where the inner one came to.
   */
  function pump(member: Member): void {
    if (member.next === null || member.over) return;
    if (member.next < recent.first) {
      end(member, "slow");
      return;
    }
    while (member.next !== null && member.next < recent.end) {
      const frame = recent.at(member.next);
      member.next += 1;
      if (frame === undefined || !concerns(frame, member) || wasTold(member, frame)) continue;
      if (tell(member, frame)) continue;
      // The inner one may have told everything, and this write have filled it all the same.
      member.next ??= recent.end;
      return;
    }
    member.next = null;
  }

  function wasTold(member: Member, frame: Frame): boolean {
    if (member.toldUpTo === null) return false;
    if ((compareCursors(frame.cursor, member.toldUpTo) ?? 1) <= 0) return true;
    member.toldUpTo = null;
    return false;
  }

  /** From here on it is told of each frame as it comes; nothing lies between this and what it was told. */
  function goLive(member: Member, at: string): void {
    member.next = recent.after(at);
    member.toldUpTo = (compareCursors(at, position ?? "") ?? 0) > 0 ? at : null;
    audience.add(member);
    if (member.fullSince === null) pump(member);
  }

  return {
    audience,
    recent,
    get position() {
      return position;
    },
    moveTo(cursor) {
      position = cursor;
    },
    begin(cursor) {
      recent.begin(cursor ?? "");
      position = cursor;
    },
    publish(frame) {
      recent.push(frame);
      for (const member of audience.of(frame)) {
        if (member.next !== null || wasTold(member, frame)) continue;
        if (!tell(member, frame)) member.next = recent.end;
      }
    },
    tell,
    say,
    goLive,
    drained(member) {
      member.fullSince = null;
      const made = member.roomMade;
      member.roomMade = null;
      if (made === null) pump(member);
      else made();
    },
    /** What it has not seen cannot be told: it looks at everything anew, and hears what comes from now on. */
    reset(member) {
      if (member.over || position === null) return;
      counts.resets += 1;
      audience.remove(member);
      say(member, "RESET", position);
      goLive(member, position);
    },
    beat(member) {
      pingSink(member);
      // One that is being replayed to, or behind, has messages under way.
      if (member.next !== null || position === null || !audience.has(member)) return;
      if (!say(member, "HEARTBEAT", member.toldUpTo ?? position)) member.next = recent.end;
    },
  };
}
