/** The socket: reads requests, lets faults happen to them, and has the right operation answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";
import type { openDoor } from "./door.ts";
import type { Operation, Result } from "./operations.ts";
import { recordingWav } from "./recording.ts";

/** What becomes of one request to an operation. `expired`: every token is withdrawn before it is looked at. */
export type Fault = "garbage" | "limited" | "lost" | "unavailable" | "expired" | { slowMs: number };

export interface Serving {
  door: ReturnType<typeof openDoor>;
  operationNamed: (name: string) => Operation | undefined;
  /** The next one's fault, by operation. */
  nextFault: (operation: string) => Fault | undefined;
  later: (ms: number, act: () => void) => void;
  count: (name: string) => void;
  now: () => number;
}

const appForm = z.strictObject({ app_key: z.string(), app_secret: z.string() });
const bodyBytesMax = 64 * 1024;
const apiPath = "/apiaccess/CC-Management/v1/mobileAgent/";
const tokenPath = "/apigovernance/api/oauth/tokenByAkSk";

export async function serve(serving: Serving, port: number, host: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    read(request)
      .then(async (body) => write(response, body === null ? status(400) : await answer(serving, request, body)))
      // A connection that breaks off is nobody's error here: the far side just goes on.
      .catch(() => response.socket?.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const taken = typeof address === "object" && address !== null ? address.port : 0;
  return { server, url: `http://${host}:${taken}` };
}

async function answer(serving: Serving, request: IncomingMessage, body: Buffer): Promise<Result | Uint8Array> {
  const { door, now } = serving;
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://far.side");
  if (request.method === "GET" && pathname.startsWith("/recording/")) {
    return Number(searchParams.get("Expires")) > now() ? recordingWav() : status(403);
  }
  const name = pathname.slice(pathname.lastIndexOf("/") + 1);
  serving.count(name);
  const fault = serving.nextFault(name);
  if (fault === "expired") door.expireTokens();
  else if (typeof fault === "object") await new Promise<void>((resolve) => serving.later(fault.slowMs, resolve));
  else if (fault !== undefined) return faulty[fault];
  const asked = parse(body);
  if (pathname === tokenPath) {
    const app = appForm.safeParse(asked).data;
    const token = app ? door.token(app.app_key, app.app_secret, header(request, "x-token-expire")) : null;
    return token ? { status: 200, body: JSON.stringify(token) } : status(401);
  }
  const operation = pathname === apiPath + name ? serving.operationNamed(name) : undefined;
  if (!operation || request.method !== "POST") return status(404);
  const account = door.admit(header(request, "authorization"), header(request, "x-app-key"));
  if (account === null) {
    serving.count("unauthorized");
    return status(401);
  }
  return door.withinQuota(account) ? operation(account, asked) : status(429);
}

const faulty: Record<Exclude<Fault, "expired" | object>, Result> = {
  garbage: { status: 200, body: "<html>busy</html>" },
  limited: status(429),
  lost: "lost",
  unavailable: status(503),
};

function status(code: number): Result {
  return { status: code, body: "" };
}

function write(response: ServerResponse, result: Result | Uint8Array): void {
  if (result === "lost") response.socket?.destroy();
  else if (result instanceof Uint8Array) response.writeHead(200, { "content-type": "audio/wav" }).end(result);
  else if (result !== "never") {
    response.writeHead(result.status, { "content-type": "application/json;charset=UTF-8" }).end(result.body);
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** null for what is no JSON: no operation takes that. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return null;
  }
}

/** null where the body is too large. */
async function read(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
