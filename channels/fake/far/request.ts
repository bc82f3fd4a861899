/** What the far side accepts, read by its own schema. */
import { z } from "zod";
import type { PlaceRequest } from "../wire.ts";

const number = z.string().regex(/^\+?\d{2,20}$/);
const secondsMax = 86_400;

export const placeRequest: z.ZodType<PlaceRequest> = z.strictObject({
  callRef: z.string().min(1).max(64),
  attempt: z.int().positive(),
  agent: number,
  customer: number,
  displayNumber: number.nullable(),
  privacy: z.boolean(),
  record: z.boolean(),
  ringTimeoutSeconds: z.number().positive().max(secondsMax),
  maxDurationSeconds: z.number().positive().max(secondsMax),
  notifyUrl: z.url({ protocol: /^https?$/ }).nullable(),
  answersAll: z.boolean(),
  speed: z.number().positive().max(1_000),
});

export const statesRequest = z.strictObject({ callIds: z.array(z.string()).max(100) });
export const hangupRequest = z.strictObject({ callId: z.string() });
export const controlRequest = z.strictObject({
  callId: z.string(),
  action: z.enum(["mute", "unmute", "hold", "resume", "transfer"]),
  to: z.string().nullable(),
});
