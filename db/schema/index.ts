export * from "./calls.ts";
export * from "./health.ts";
export * from "./lines.ts";
export * from "./news.ts";
export * from "./notify.ts";
export * from "./tenancy.ts";
