/** Sockets that misbehave, and a fetch that sends an adapter's requests to them. */
import { createServer, type Socket } from "node:net";
import type { ChannelTools } from "../../channels/contract.ts";

export interface Fault {
  url: string;
  /** Requests that arrived, by their first bytes. */
  readonly arrived: number;
  /** Resolves with the first request. */
  first: Promise<void>;
  stop(): Promise<void>;
}

type Misbehave = (socket: Socket, request: string) => void;

const http = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/html\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

export const faults = {
  mute: () => undefined,
  reset: (socket) => void socket.resetAndDestroy(),
  closed: (socket) => void socket.destroy(),
  garbage: (socket) => void socket.end("this is no HTTP\r\n\r\n"),
  cutShort: (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"),
  stuckBody: (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{"),
  notGzip: (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"),
  badGateway: (socket) => void socket.end(http("502 Bad Gateway", "<html>bad gateway</html>")),
  tooLarge: (socket) => void socket.end(http("200 OK", " ".repeat(2 * 1024 * 1024))),
  redirect: (socket) => void socket.end("HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n"),
  /** Secrets and numbers of the request, in the answer. */
  echo: (socket, request) => void socket.end(http("200 OK", request)),
} satisfies Record<string, Misbehave>;
export type FaultName = keyof typeof faults;

export async function startFault(name: FaultName): Promise<Fault> {
  const misbehave: Misbehave = faults[name];
  const sockets = new Set<Socket>();
  let arrived = 0;
  let resolveFirst = () => {};
  const first = new Promise<void>((resolve) => {
    resolveFirst = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      // A body may follow in its own packet; only the one with a request line counts.
      if (!/^[A-Z]+ \S+ HTTP\//.test(bytes.toString("latin1"))) return;
      arrived += 1;
      resolveFirst();
      misbehave(socket, bytes.toString("latin1"));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    get arrived() {
      return arrived;
    },
    first,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** An address at which nobody listens any more. */
export async function deadUrl(): Promise<string> {
  const fault = await startFault("mute");
  await fault.stop();
  return fault.url;
}

/** Sends the requests that `divert` picks to another origin, all others where they belong. */
export function divertedFetch(
  fetch: ChannelTools["fetch"],
  origin: string,
  divert: (request: Request) => boolean,
): ChannelTools["fetch"] {
  return async (request) => {
    if (!divert(request)) return fetch(request);
    const { pathname, search } = new URL(request.url);
    const body = request.method === "GET" ? undefined : await request.bytes();
    const { method, headers, signal } = request;
    const init = { method, headers, signal, redirect: "manual", ...(body && { body }) } as const;
    return globalThis.fetch(new Request(origin + pathname + search, init));
  };
}
