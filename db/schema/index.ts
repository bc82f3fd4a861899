export * from "./calls.ts";
export * from "./lines.ts";
export * from "./news.ts";
export * from "./tenancy.ts";
