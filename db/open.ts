import type { Database } from "./client.ts";

/** The one of the two databases that a config names; the other one's driver is never loaded. */
export async function openDatabase(place: { databaseUrl: string | null; dataDir: string }): Promise<Database> {
  if (place.databaseUrl === null) return (await import("./embedded.ts")).openEmbedded(place.dataDir);
  return (await import("./server.ts")).openServer(place.databaseUrl);
}
