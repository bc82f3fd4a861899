/** What runs: the version of package.json, which a test holds to this. */
export const version = "0.1.0";
