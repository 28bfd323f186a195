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
  const revision = "key = 'cluster_revision'";
  const expiry = (parameter: string) =>
    `clock_timestamp() + make_interval(secs => ${parameter}::double precision / 1000)`;
  const remainingMs = (time: string) => `(extract(epoch FROM ${time} - clock_timestamp()) * 1000)`;
  return {
    bumpRevision: `UPDATE ${meta} SET value = value + 1 WHERE ${revision}`,
    removeExpired: `DELETE FROM ${node} WHERE expires_at < clock_timestamp()`,
    join: `INSERT INTO ${node} (id, incarnation, address, version, weight, zone, draining, serves, expires_at)
      VALUES ($1, $2, $3, $4, $5::double precision, $6, $7::boolean, $8, ${expiry("$9")})
      ON CONFLICT (id) DO NOTHING RETURNING id`,
    addScopes: `INSERT INTO ${scope} (name)
      SELECT DISTINCT served.name FROM ${node} n, jsonb_array_elements_text(n.serves::jsonb) AS served(name)
      WHERE EXISTS (SELECT 1 FROM ${node} other WHERE NOT jsonb_exists(other.serves::jsonb, served.name))
      ON CONFLICT DO NOTHING`,
    copyLeases: `INSERT INTO ${lease} (scope, shard, node, incarnation)
      SELECT s.name, l.shard, l.node, l.incarnation FROM ${scope} s, ${lease} l WHERE l.scope = ''
      ON CONFLICT DO NOTHING`,
    bumpIfDrainChanges: `UPDATE ${meta} SET value = value + 1 WHERE ${revision} AND EXISTS (
      SELECT 1 FROM ${node} WHERE id = $1 AND incarnation = $2 AND $3::boolean AND NOT draining)`,
    renew: `UPDATE ${node} SET expires_at = ${expiry("$4")}, draining = draining OR $3::boolean
      WHERE id = $1 AND incarnation = $2
      RETURNING draining, (SELECT value FROM ${meta} WHERE ${revision}) AS revision,
        (SELECT ${remainingMs("min(o.expires_at)")} FROM ${node} o WHERE o.id <> $1)::text AS next_expiry`,
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
    leave: `DELETE FROM ${node} WHERE id = $1 AND incarnation = $2`,
    view: `SELECT json_build_object(
      'revision', (SELECT value FROM ${meta} WHERE ${revision}),
      'nodes', coalesce((SELECT json_agg(json_build_object(
        'id', id, 'incarnation', incarnation, 'address', address, 'version', version, 'weight', weight,
        'zone', zone, 'draining', draining, 'serves', serves, 'expiresInMs', ${remainingMs("expires_at")}
        ) ORDER BY id) FROM ${node}), '[]'),
      'leases', coalesce((SELECT json_agg(json_build_object(
        'scope', scope, 'id', node, 'incarnation', incarnation, 'shards', shards))
        FROM (SELECT scope, node, incarnation, array_agg(shard ORDER BY shard) AS shards
          FROM ${lease} GROUP BY scope, node, incarnation) held), '[]'),
      'scopes', coalesce((SELECT json_agg(name ORDER BY name) FROM ${scope}), '[]')
      )::text AS view`,
  } as const;
}
