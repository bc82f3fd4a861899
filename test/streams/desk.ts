/** Desks as browsers have them: they remember the last cursor, and go on from it when they are cut. */
import type { Json, TestService } from "../service.ts";

export interface Connection {
  /** Everything that came, control messages too. */
  messages: Json[];
  /** Only what tells of calls. */
  calls(): Json[];
  /** Resolves once a message fits, which may have come already. */
  until(fits: (message: Json) => boolean): Promise<Json>;
  /** Goes without a word; nothing that comes later counts. */
  cut(): void;
  /** How the other side ended it: a close code, 0 for an SSE that just ended. */
  ended: Promise<number>;
}

const waitMaxMs = 20_000;
const own = ["READY", "RESET", "HEARTBEAT"];

/** Whatever runs the service that a desk listens to. */
type Service = Pick<TestService, "url" | "heard">;

function collector(heard: string[]) {
  const messages: Json[] = [];
  const waiting = new Set<() => void>();
  let isCut = false;
  return {
    messages,
    take(text: string): void {
      heard.push(text);
      if (isCut) return;
      messages.push(JSON.parse(text));
      for (const look of waiting) look();
    },
    cut: () => {
      isCut = true;
    },
    calls: () => messages.filter(({ type }) => !own.includes(type)),
    until: (fits: (message: Json) => boolean): Promise<Json> =>
      new Promise((done, failed) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          failed(new Error(`it never came; there were ${messages.map(({ type }) => type).join(" ")}`));
        }, waitMaxMs);
        function look(): void {
          const found = messages.find(fits);
          if (found === undefined) return;
          clearTimeout(timer);
          waiting.delete(look);
          done(found);
        }
        waiting.add(look);
        look();
      }),
  };
}

export async function ticketOf(on: TestService, options: { key?: string; userId?: string } = {}): Promise<string> {
  const { key = on.key, userId } = options;
  const body = userId === undefined ? undefined : { userId };
  const made = await on.ask("POST", "/api/v1/tickets", { key, ...(body === undefined ? {} : { body }) });
  if (made.status !== 201) throw new Error(`no ticket: ${made.text}`);
  on.secrets.push(made.body.ticket);
  return made.body.ticket;
}

/** With a ticket as browsers do, or with a key in the header as programs can. */
export function openSocket(on: Service, pass: string, after: string | null = null): Promise<Connection> {
  const { take, cut, ...seen } = collector(on.heard);
  const byTicket = pass.startsWith("tk_");
  const query = new URLSearchParams({ ...(byTicket && { ticket: pass }), ...(after !== null && { after }) });
  const headers = byTicket ? {} : { authorization: `Bearer ${pass}` };
  const socket = new WebSocket(`${on.url.replace("http", "ws")}/ws/desk?${query}`, { headers });
  socket.onmessage = ({ data }) => take(String(data));
  const ended = new Promise<number>((done) => {
    socket.onclose = ({ code }) => done(code);
  });
  const connection: Connection = {
    ...seen,
    ended,
    cut() {
      cut();
      socket.terminate();
    },
  };
  return new Promise((done, failed) => {
    socket.onopen = () => done(connection);
    socket.onerror = () => failed(new Error("the socket was refused"));
  });
}

export async function openEvents(on: Service, key: string, after: string | null = null): Promise<Connection> {
  const { take, cut, ...seen } = collector(on.heard);
  const aborted = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${key}` };
  if (after !== null) headers["last-event-id"] = after;
  const response = await fetch(`${on.url}/api/v1/events/stream`, { headers, signal: aborted.signal });
  if (response.status !== 200) throw new Error(`no stream: ${response.status}`);
  const ended = (async () => {
    let rest = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const text = /^data: (.*)$/m.exec(block)?.[1];
          const id = /^id: (.*)$/m.exec(block)?.[1];
          if (text === undefined) continue;
          if (JSON.parse(text).data.cursor !== id) throw new Error("the id is not the cursor");
          take(text);
        }
      }
    } catch (error) {
      if (!aborted.signal.aborted) throw error;
    }
    return 0;
  })();
  return {
    ...seen,
    ended,
    cut() {
      cut();
      aborted.abort();
    },
  };
}

/** Where a desk goes on: behind the last message that had a cursor. */
export const cursorOf = ({ messages }: Connection): string | null => messages.at(-1)?.data.cursor ?? null;
