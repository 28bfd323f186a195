import { postgresStoreLimits as limits } from "../../limits.ts";

/**
 * Statements of the cluster tables. Every change of nodes or leases first raises the revision, whose row lock
 * serialises the changes: each of them sees the result of the one before. A renewal takes no part in that. It locks
 * the row of its node only, as does the removal of an expired session, which checks the time again after waiting.
 */
export function clusterSql(schema: string) {
  const meta = `${schema}.meta`;
  const node = `${schema}.node`;
  const lease = `${schema}.lease`;
  const scope = `${schema}.scope`;
  const change = `${schema}.cluster_change`;
  const revision = "key = 'cluster_revision'";
  const expiry = (parameter: string) =>
    `clock_timestamp() + make_interval(secs => ${parameter}::double precision / 1000)`;
  const remainingMs = (time: string) => `(extract(epoch FROM ${time} - clock_timestamp()) * 1000)`;
  const credentials = `${schema}.cluster_credentials`;
  // Each change leaves a random mark, by which a node finds that one it has seen was lost.
  const bump = (condition: string) => `WITH bumped AS (
      UPDATE ${meta} SET value = value + 1 WHERE ${condition} RETURNING value
    ), forgotten AS (
      DELETE FROM ${change} WHERE revision <= (SELECT value FROM bumped) - ${limits.maxClusterChanges}
    )
    INSERT INTO ${change} (revision, mark) SELECT value, floor(random() * 9007199254740991)::bigint FROM bumped
    ON CONFLICT (revision) DO UPDATE SET mark = excluded.mark`;
  const markOf = (which: string) => `(SELECT mark FROM ${change} WHERE revision = ${which})`;
  const current = `(SELECT value FROM ${meta} WHERE ${revision})`;
  const nowMs = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
  return {
    credentials: `SELECT proofs FROM ${credentials} WHERE id = 1`,
    replaceCredentials: `INSERT INTO ${credentials} (id, proofs) VALUES (1, $2)
      ON CONFLICT (id) DO UPDATE SET proofs = $2 WHERE cluster_credentials.proofs = $1 RETURNING id`,
    bumpRevision: bump(revision),
    removeExpired: `DELETE FROM ${node} WHERE expires_at < clock_timestamp()`,
    join: `INSERT INTO ${node} (id, incarnation, address, version, weight, zone, draining, serves, region, pools,
        expires_at)
      VALUES ($1, $2, $3, $4, $5::double precision, $6, $7::boolean, $8, $9, $10, ${expiry("$11")})
      ON CONFLICT (id) DO NOTHING RETURNING id`,
    addScopes: `INSERT INTO ${scope} (name)
      SELECT DISTINCT split_part(served.name, E'\\x1f', 1) FROM ${node} n, jsonb_array_elements_text(n.serves::jsonb) AS served(name)
      WHERE EXISTS (SELECT 1 FROM ${node} other WHERE NOT jsonb_exists(other.serves::jsonb, served.name))
      ON CONFLICT DO NOTHING`,
    copyLeases: `INSERT INTO ${lease} (scope, shard, node, incarnation)
      SELECT s.name, l.shard, l.node, l.incarnation FROM ${scope} s, ${lease} l
      JOIN ${node} n ON n.id = l.node AND n.incarnation = l.incarnation
      WHERE l.scope = '' AND strpos(s.name, chr(31)) = 0 AND jsonb_exists(n.serves::jsonb, s.name)
      ON CONFLICT DO NOTHING`,
    bumpIfDrainChanges: bump(`${revision} AND EXISTS (
      SELECT 1 FROM ${node} WHERE id = $1 AND incarnation = $2 AND $3::boolean AND NOT draining)`),
    renew: `UPDATE ${node} SET expires_at = ${expiry("$4")}, draining = draining OR $3::boolean
      WHERE id = $1 AND incarnation = $2
      RETURNING draining, ${nowMs} AS now, ${current} AS revision, ${markOf(current)} AS mark,
        (SELECT ${remainingMs("min(o.expires_at)")} FROM ${node} o WHERE o.id <> $1)::text AS next_expiry`,
    reweigh: `UPDATE ${node} SET weight = $3::double precision WHERE id = $1 AND incarnation = $2`,
    drain: `UPDATE ${node} SET draining = true WHERE id = $1 RETURNING id`,
    claim: `INSERT INTO ${lease} (scope, shard, node, incarnation)
      SELECT $3, wanted.shard, $1, $2 FROM unnest($4::integer[]) AS wanted(shard)
      WHERE EXISTS (SELECT 1 FROM ${node} WHERE id = $1 AND incarnation = $2)
      ON CONFLICT (scope, shard) DO UPDATE SET node = $1, incarnation = $2
      WHERE NOT EXISTS (
        SELECT 1 FROM ${node} n WHERE n.id = lease.node AND n.incarnation = lease.incarnation)`,
    transfer: `UPDATE ${lease} SET node = $3, incarnation = $4
      WHERE scope = $5 AND shard = ANY ($6::integer[]) AND node = $1 AND incarnation = $2
        AND EXISTS (SELECT 1 FROM ${node} n WHERE n.id = $3 AND n.incarnation = $4)`,
    notify: "SELECT pg_notify($1, $2)",
    openScope: `INSERT INTO ${scope} (name) VALUES ($1) ON CONFLICT DO NOTHING`,
    place: `UPDATE ${schema}.actor SET place = $4
      WHERE shard = $1 AND id = $2 AND epoch = $3 AND destroyed_at IS NULL RETURNING id`,
    leave: `DELETE FROM ${node} WHERE id = $1 AND incarnation = $2`,
    view: `SELECT json_build_object(
      'revision', ${current}, 'mark', ${markOf(current)}, 'seenMark', ${markOf("$1::bigint")},
      'now', ${nowMs},
      'nodes', coalesce((SELECT json_agg(json_build_object(
        'id', id, 'incarnation', incarnation, 'address', address, 'version', version, 'weight', weight,
        'zone', zone, 'region', region, 'pools', pools, 'draining', draining, 'serves', serves, 'expiresInMs', ${remainingMs("expires_at")}
        ) ORDER BY id) FROM ${node}), '[]'),
      'leases', coalesce((SELECT json_agg(json_build_object(
        'scope', scope, 'id', node, 'incarnation', incarnation, 'shards', shards))
        FROM (SELECT scope, node, incarnation, array_agg(shard) AS shards
          FROM ${lease} GROUP BY scope, node, incarnation) held), '[]'),
      'scopes', coalesce((SELECT json_agg(name ORDER BY name) FROM ${scope}), '[]')
      )::text AS view`,
  } as const;
}
