/** What a far side answers to a request. */
import type { ServerResponse } from "node:http";

export interface Written {
  status: number;
  /** JSON unless another is named. */
  type?: string;
  headers?: Record<string, string>;
  body: string | Uint8Array;
}

/** `lost`: the connection breaks before an answer. `never`: the request is left without one. */
export type Answer = Written | "lost" | "never";

export function json(value: unknown, status = 200): Written {
  return { status, body: JSON.stringify(value) };
}

/** A page, as a proxy would put it in the place of what was asked for. */
export function page(status: number, text: string): Written {
  return { status, type: "text/html", body: `<html>${text}` };
}

export const notFound = page(404, "not found");

export function write(response: ServerResponse, answer: Answer): void {
  if (answer === "lost") response.socket?.destroy();
  else if (answer !== "never") {
    const { status, type = "application/json;charset=utf-8", headers, body } = answer;
    response.writeHead(status, { "content-type": type, ...headers }).end(body);
  }
}
