import type { EndReason, Sink } from "./listener.ts";

/** What happens on one WebSocket, of whichever kind; handed to the server when the request is upgraded. */
export interface SocketSide {
  opened(socket: Socket): void;
  message(text: string | Uint8Array): void;
  drained(): void;
  closed(): void;
}
export type Socket = Bun.ServerWebSocket<SocketSide>;

const idleSeconds = 60;
const messageBytesMax = 64 * 1024;
/** What the server holds for a socket that does not read; no side of ours lets it come so far. */
const backpressureBytesMax = 1024 * 1024;

/** The server's one handler: each socket says itself what it does. Nothing here waits, so that nothing piles up. */
export const socketHandler: Bun.WebSocketHandler<SocketSide> = {
  idleTimeout: idleSeconds,
  maxPayloadLength: messageBytesMax,
  backpressureLimit: backpressureBytesMax,
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
  open: (socket) => socket.data.opened(socket),
  message: (socket, message) => socket.data.message(message),
  drain: (socket) => socket.data.drained(),
  close: (socket) => socket.data.closed(),
};

/** Beyond this a listener counts as full. */
export const fullBytes = 64 * 1024;
const encoder = new TextEncoder();

/** Close codes that a desk decides by: 1001 come back in a moment · 4408 read faster · 4401 get another key. */
const closeCodes: Record<EndReason, [code: number, reason: string]> = {
  left: [1000, ""],
  stopping: [1001, "stopping"],
  slow: [4408, "read too slowly; resume with the last cursor"],
  revoked: [4401, "the key was revoked"],
  failed: [1011, "try again"],
};

export function socketSink(socket: Socket): Sink {
  return {
    write(text) {
      socket.send(text);
      return socket.getBufferedAmount() < fullBytes;
    },
    ping: () => void socket.ping(),
    end: (reason) => socket.close(...closeCodes[reason]),
  };
}

/** Server-sent events: the cursor is the event's id, so that `Last-Event-ID` resumes. */
export function eventSink(controller: ReadableStreamDefaultController<Uint8Array>): Sink {
  const write = (text: string): boolean => {
    controller.enqueue(encoder.encode(text));
    return (controller.desiredSize ?? 0) > 0;
  };
  return {
    write: (text, cursor) => write(`id: ${cursor}\ndata: ${text}\n\n`),
    // The heartbeat's message follows, and says more than a comment could.
    ping: () => void write(":\n\n"),
    end: () => controller.close(),
  };
}
