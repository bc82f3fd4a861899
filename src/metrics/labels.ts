/** Label values come from closed lists: what is on none of them is `other`, whoever sent it. */
import { finalStatuses } from "../domain/record.ts";

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

export const methodLabel = (method: string): string => (methods.has(method) ? method : "other");

/** The pattern that a route was registered with; hono's own for what nobody registered. */
export const routeLabel = (route: string): string => (route === "" || route.endsWith("*") ? "none" : route);

const statuses = new Set<string>(finalStatuses);

export const statusLabel = (status: string): string => (statuses.has(status) ? status : "other");

export const classLabel = (status: number): string => `${Math.floor(status / 100)}xx`;

const refusalReasons: Record<string, string> = {
  "unknown address": "unknown_address",
  "no token": "no_token",
  "this line takes no pushes": "no_pushes",
  "wrong or missing authentication": "unauthenticated",
};

export const reasonLabel = (reason: string): string => refusalReasons[reason] ?? "other";

/** Our own words as they are; a SQLSTATE by its class, of which there are some forty. */
export function databaseLabel(code: string): string {
  if (/^(deadline|unreachable|closed|misuse)$/.test(code)) return code;
  return /^[0-9A-Z]{5}$/.test(code) ? `class_${code.slice(0, 2)}` : "other";
}
