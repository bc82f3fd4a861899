/**
 * The one door to addresses that come from outside: only public ones, connected to exactly as they were checked, never
 * redirected. What may arrive twice goes by Bun's own client (`exchange.ts`). What may not goes by node's, which keeps
 * no connection for longer than it is told, with a lookup of ours.
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
import { type Answer, exchange, type Outgoing } from "./exchange.ts";
import { createAborts, type Fuse, light } from "./fuse.ts";
import { createChecker, type Resolve, systemResolve } from "./resolve.ts";
import { type RefusedFor, readTarget, type Target } from "./url.ts";

/** The answer's bytes come as they are read, unbounded; whoever reads them sets the limits and the deadline. */
export type Opening = Omit<Outgoing, "deadlineMs" | "answerBytesMax">;
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: IncomingMessage;
}

export interface Guard {
  /** Why an address would be refused now; null where it would not, or where the look-up failed for the moment. */
  check(url: string): Promise<RefusedFor | null>;
  /**
   * Sends; once more where its connection ended before any answer. Any status is an answer, a redirect too; everything
   * else is a `GuardError`.
   */
  send(outgoing: Outgoing, signal: AbortSignal): Promise<Answer>;
  /**
   * Sends once, over a connection that has been idle for a moment at most: where it closes just as it is used, nobody
   * knows whether the request was read. The signal ends it until the last byte.
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

/** Servers close idle connections after 5 s or more; what is closed before it is used is seen. */
const freshSocketMs = 4_000;
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
  // Without a limit: a request that waits for its turn cannot be told from one that has left.
  const freshOptions = { keepAlive: true, maxFreeSockets: 64, timeout: freshSocketMs };
  const plain = new HttpAgent(freshOptions);
  const secure = new HttpsAgent(freshOptions);

  function start(target: Target, addresses: readonly string[], outgoing: Opening): ClientRequest {
    const options = {
      host: target.host,
      port: target.port,
      path: target.path,
      method: outgoing.method,
      headers: { ...outgoing.headers, "content-length": String(Buffer.byteLength(outgoing.body)) },
      lookup: pinned(addresses),
    };
    return target.https ? httpsRequest({ ...options, agent: secure }) : httpRequest({ ...options, agent: plain });
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
      const stop = new AbortController();
      try {
        const addresses = target.literal ? [target.host] : await fuse.race(checker.addressesOf(target));
        return await fuse.race(exchange(target, addresses, outgoing, stop.signal));
      } catch (error) {
        stop.abort();
        throw explain(error);
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
        const response = await answerTo(start(target, addresses, opening), opening.body, fuse);
        fuse.burnt = (error) => response.destroy(error);
        response.on("close", fuse.stop);
        return { status: response.statusCode ?? 0, headers: response.headers, body: response };
      } catch (error) {
        fuse.stop();
        throw explain(error);
      }
    },
    close() {
      plain.destroy();
      secure.destroy();
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

/** Resolves once the answer begins. */
function answerTo(request: ClientRequest, body: string | Uint8Array, fuse: Fuse): Promise<IncomingMessage> {
  return new Promise((done, failed) => {
    const fail = (error: unknown): void => {
      fuse.burnt = null;
      request.destroy();
      failed(error);
    };
    fuse.burnt = fail;
    request.on("error", fail);
    request.on("response", (response: IncomingMessage) => {
      fuse.burnt = null;
      done(response);
    });
    request.end(body);
  });
}

function within<T>(ms: number, work: Promise<T> | T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, failed) => {
    timer = setTimeout(() => failed(new GuardError("unresolved", "timeout")), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
