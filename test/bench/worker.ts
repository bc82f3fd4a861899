import { Logger, makeWorkerUtils, run as runWorker } from "graphile-worker";

const concurrency = 20;

/** How many jobs that do nothing a well-kept queue on PostgreSQL gets through in a second. */
export async function emptyJobsPerSecond(connectionString: string, jobs: number): Promise<number> {
  const quiet = { connectionString, noHandleSignals: true, logger: new Logger(() => () => {}) } as const;
  const utils = await makeWorkerUtils(quiet);
  await utils.migrate();
  await utils.withPgClient((client) =>
    client.query(
      "select graphile_worker.add_job('nothing', json_build_object('n', n)) from generate_series(1, $1::int) as n",
      [jobs],
    ),
  );
  let done = 0;
  let began = 0;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const nothing = async (): Promise<void> => {
    if (done === 0) began = performance.now();
    done += 1;
    if (done === jobs) finish();
  };
  const runner = await runWorker({ ...quiet, concurrency, pollInterval: 100, taskList: { nothing } });
  await finished;
  const seconds = (performance.now() - began) / 1000;
  await runner.stop();
  await utils.release();
  return jobs / seconds;
}
