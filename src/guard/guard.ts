/**
 * The one door to addresses that come from outside: only public ones, connected to exactly as they were checked, never
 * redirected. It goes through node's client with a lookup of ours, since Bun ignores undici's dispatcher (bun#38840).
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { Clock } from "../clock.ts";
import type { Network } from "./addresses.ts";
import { explain, GuardError } from "./error.ts";
import { createAborts, type Fuse, light } from "./fuse.ts";
import { createChecker, type Resolve, systemResolve } from "./resolve.ts";
import { type RefusedFor, readTarget, type Target } from "./url.ts";

export interface Outgoing {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
  /** From the first look-up to the last byte of the answer. */
  deadlineMs: number;
  /** What is longer is cut there, and the connection given up. */
  answerBytesMax: number;
}

/** The answer's bytes come as they are read, unbounded; whoever reads them sets the limits and the deadline. */
export type Opening = Omit<Outgoing, "deadlineMs" | "answerBytesMax">;
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: IncomingMessage;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Guard {
  /** Why an address would be refused now; null where it would not, or where the look-up failed for the moment. */
  check(url: string): Promise<RefusedFor | null>;
  /** Sends once. Any status is an answer, a redirect too; everything else is a `GuardError`. */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Answer>;
  /**
   * The same, over a connection that has been idle for a moment at most, and never again: where it closes just as it
   * is used, nobody knows whether the request was read. The signal ends it until the last byte.
   */
  open(opening: Opening, signal: AbortSignal): Promise<OpenAnswer>;
  /** Ends the connections that are kept. */
  close(): void;
}

export interface GuardOptions {
  clock: Clock;
  allowed: readonly Network[];
  resolve?: Resolve;
}

const keptSocketMs = 30_000;
/** Servers close idle connections after 5 s or more; what is closed before it is used is seen. */
const freshSocketMs = 4_000;
const socketsPerHostMax = 128;
const checkDeadlineMs = 5_000;
const targetsKept = 5_000;

export function createGuard({ clock, allowed, resolve = systemResolve }: GuardOptions): Guard {
  const checker = createChecker(clock, resolve, allowed);
  const aborts = createAborts();
  /** What an address reads as is always the same; what it resolves to is not kept here. */
  const targets = new Map<string, Target | RefusedFor>();
  const read = (url: string): Target | RefusedFor => {
    const known = targets.get(url);
    if (known !== undefined) return known;
    const target = readTarget(url, allowed);
    if (targets.size >= targetsKept) targets.clear();
    targets.set(url, target);
    return target;
  };
  const agentOptions = { keepAlive: true, maxSockets: socketsPerHostMax, maxFreeSockets: 64, timeout: keptSocketMs };
  const kept = { plain: new HttpAgent(agentOptions), secure: new HttpsAgent(agentOptions) };
  // Without a limit: a request that waits for its turn cannot be told from one that has left.
  const freshOptions = { keepAlive: true, maxFreeSockets: 64, timeout: freshSocketMs };
  const fresh = { plain: new HttpAgent(freshOptions), secure: new HttpsAgent(freshOptions) };

  function start(
    target: Target,
    addresses: readonly string[],
    outgoing: Opening,
    agents: { plain: HttpAgent; secure: HttpsAgent },
  ): ClientRequest {
    const options = {
      host: target.host,
      port: target.port,
      path: target.path,
      method: outgoing.method,
      headers: { ...outgoing.headers, "content-length": String(Buffer.byteLength(outgoing.body)) },
      lookup: pinned(addresses),
    };
    return target.https
      ? httpsRequest({ ...options, agent: agents.secure })
      : httpRequest({ ...options, agent: agents.plain });
  }

  return {
    async check(url) {
      const target = readTarget(url, allowed);
      if (typeof target === "string") return target;
      try {
        await within(checkDeadlineMs, checker.addressesOf(target));
        return null;
      } catch (error) {
        // A resolver that is down says nothing about the address; it is looked at again before every connection.
        return error instanceof GuardError && error.kind === "refused" ? (error.code as RefusedFor) : null;
      }
    },
    async send(outgoing, signal) {
      if (signal.aborted) throw new GuardError("aborted");
      const target = read(outgoing.url);
      if (typeof target === "string") throw new GuardError("refused", target);
      const fuse = light(aborts, signal, outgoing.deadlineMs);
      const receive: Receive<Answer> = (response, done, failed) =>
        readAnswer(response, outgoing.answerBytesMax, done, failed);
      try {
        const addresses = target.literal ? [target.host] : await fuse.race(checker.addressesOf(target));
        try {
          return await exchange(start(target, addresses, outgoing, kept), outgoing.body, fuse, receive);
        } catch (error) {
          // The far side closed a kept connection just as it was used: nobody has read the request.
          if (!(error instanceof StaleSocket)) throw error;
          return await exchange(start(target, addresses, outgoing, kept), outgoing.body, fuse, receive);
        }
      } catch (error) {
        throw error instanceof StaleSocket ? new GuardError("reset", "ECONNRESET") : explain(error);
      } finally {
        fuse.stop();
      }
    },
    async open(opening, signal) {
      if (signal.aborted) throw new GuardError("aborted");
      const target = read(opening.url);
      if (typeof target === "string") throw new GuardError("refused", target);
      const fuse = light(aborts, signal, null);
      try {
        const addresses = target.literal ? [target.host] : await fuse.race(checker.addressesOf(target));
        const sent = start(target, addresses, opening, fresh);
        const response = await exchange<IncomingMessage>(sent, opening.body, fuse, (found, done) => done(found));
        fuse.burnt = (error) => response.destroy(error);
        response.on("close", fuse.stop);
        return { status: response.statusCode ?? 0, headers: response.headers, body: response };
      } catch (error) {
        fuse.stop();
        throw error instanceof StaleSocket ? new GuardError("reset", "ECONNRESET") : explain(error);
      }
    },
    close() {
      for (const { plain, secure } of [kept, fresh]) {
        plain.destroy();
        secure.destroy();
      }
    },
  };
}

/** A look-up that knows only what has been checked. */
function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  return (_host, options, done) => {
    const [first] = all;
    if (options.all === true) done(null, all);
    else done(null, first?.address ?? "", first?.family ?? 4);
  };
}

class StaleSocket extends Error {}

type Receive<T> = (response: IncomingMessage, done: (answer: T) => void, failed: (error: unknown) => void) => void;

function exchange<T>(request: ClientRequest, body: string | Uint8Array, fuse: Fuse, receive: Receive<T>): Promise<T> {
  return new Promise((done, failed) => {
    const fail = (error: unknown): void => {
      fuse.burnt = null;
      request.destroy();
      failed(error);
    };
    let answered = false;
    fuse.burnt = fail;
    request.on("error", (error) => {
      const stale = !answered && request.reusedSocket && explain(error).kind === "reset";
      fail(stale ? new StaleSocket() : error);
    });
    request.on("response", (response: IncomingMessage) => {
      answered = true;
      const finish = (answer: T): void => {
        fuse.burnt = null;
        done(answer);
      };
      receive(response, finish, fail);
    });
    request.end(body);
  });
}

function readAnswer(
  response: IncomingMessage,
  bytesMax: number,
  done: (answer: Answer) => void,
  failed: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let over = false;
  const finish = (): void => {
    over = true;
    const [first] = chunks;
    const body = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    done({ status: response.statusCode ?? 0, headers: response.headers, body });
  };
  response.on("data", (chunk: Buffer) => {
    if (over) return;
    chunks.push(size + chunk.length > bytesMax ? chunk.subarray(0, bytesMax - size) : chunk);
    size += chunk.length;
    if (size < bytesMax) return;
    finish();
    response.destroy();
  });
  response.on("end", () => {
    if (!over) finish();
  });
  response.on("error", failed);
  // An answer that breaks off is none.
  response.on("close", () => {
    if (!over) failed(new GuardError("reset", "ECONNRESET"));
  });
}

function within<T>(ms: number, work: Promise<T> | T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new GuardError("unresolved", "timeout")), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
