/** Sends the callbacks: unsigned, once, as JSON or, as the vendor's samples print them, as a Java map. */
import type { Far } from "../../kit/far/side.ts";
import { connectPush, type FarCall, releasePush } from "./call.ts";
import type { Script } from "./plan.ts";

export interface PusherOptions {
  format: "json" | "map";
  /** Where the console has the connect callback go. */
  connectUrl: () => string | null;
}

export function openPusher({ pushes }: Far<FarCall, Script>, { format, connectUrl }: PusherOptions) {
  async function push(url: string, message: Record<string, string>): Promise<void> {
    const body = format === "json" ? JSON.stringify(message) : asMap(message);
    const received = await pushes.send(url, { headers: { "content-type": "application/json" }, body });
    if (received?.status !== 200 || !received.text.includes('"retCode":"0"')) pushes.lose();
  }

  return {
    onConnect(call: FarCall): void {
      const url = connectUrl();
      if (url !== null) void push(url, connectPush(call));
    },
    onRelease(call: FarCall): void {
      const url = call.order.callBackUrl;
      if (url !== undefined) void push(Buffer.from(url, "base64").toString(), releasePush(call));
    },
  };
}

function asMap(message: Record<string, string>): string {
  const pairs = Object.entries(message).map(([name, value]) => `${name}=${value}`);
  return `{${pairs.join(", ")}}`;
}
