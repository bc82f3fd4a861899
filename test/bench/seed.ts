import postgres from "postgres";

/** Ended calls of tenant `default`, as many as asked for, made by the server itself. Returns their ids' form. */
export async function seedRecords(url: string, count: number): Promise<(n: number) => string> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  await sql.unsafe(`
    insert into call_records (tenant, call_id, biz_id, user_id, ring_timeout, max_duration, called, called_sealed, called_index,
      route, place_by, created, channel, line_id, attempt, provider_call_id, state, status, answered, conn_time,
      close_time, duration, close_type, hangup_cause, finalized, version, updated)
    select 'default', 'call_seed_' || lpad(n::text, 9, '0'), 'biz-' || n, 'user-' || n % 500, 60, 3600, '139****0000', 's',
      md5((n % 100000)::text), '{}', at, at, 'fake', n % 20 + 1, 1, 'seed-' || n, 'close',
      (array['ended', 'missed', 'busy', 'ended'])[n % 4 + 1], n % 2 = 0, at,
      at + interval '60 s', 60, '0', 'NORMAL_CLEARING', true, 5, at
    from (select n, now() - (${count} - n) * interval '1 s' as at from generate_series(1, ${count}) as n) as made`);
  await sql.unsafe("analyze call_records");
  await sql.end();
  return (n) => `call_seed_${String((n % count) + 1).padStart(9, "0")}`;
}
