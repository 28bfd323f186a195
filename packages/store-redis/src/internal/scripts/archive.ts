import { index, removeContent } from "./commit.ts";
import { Script } from "./script.ts";

/** Removes what an earlier attempt of a migration has left of an actor. */
export const clearActorScript = new Script(
  "allow-oom",
  `${removeContent}
local id = arg()
local row = key('actor', id)
local r = redis.call('HMGET', row, 'n', 'kh', 'da')
if r[1] and not r[3] then
  redis.call('HDEL', prefix .. 'keys', r[2])
  redis.call('ZREM', prefix .. 'ids', id)
  redis.call('ZREM', key('named', r[1]), id)
  redis.call('ZREM', prefix .. 'due', id)
end
redis.call('UNLINK', row)
removeContent(id)
return 1`,
);

/** Makes an actor of its parts, with the identity that it had elsewhere. Can be repeated. */
export const finishArchiveScript = new Script(
  "",
  `${index}
local id, name, address, hash, created, wake, destroyed = arg(), arg(), arg(), arg(), arg(), arg(), arg()
local epoch, version, snapshot, callsUntil, pageSize, pageCount = arg(), arg(), arg(), arg(), arg(), arg()
local row = key('actor', id)
local fields = {'n', name, 'k', address, 'kh', hash, 'ca', created, 'e', epoch, 'v', version, 'c', 'migrated'}
local function set(field, value) fields[#fields + 1] = field; fields[#fields + 1] = value end
if destroyed ~= '' then
  set('da', destroyed)
else
  index(id, name, hash)
  if wake ~= '' then
    redis.call('ZADD', prefix .. 'due', wake, id)
    set('wa', wake)
  end
  if snapshot ~= '' then set('sv', snapshot) end
  if callsUntil ~= '0' then set('cu', callsUntil) end
  -- The pages were written as version 1.
  if pageCount ~= '' then set('ps', pageSize); set('pn', pageCount); set('dv', '1') end
end
redis.call('HSET', row, unpack(fields))
return 1`,
);

/** Notes a migration, unless another one is noted. Returns what is noted then. */
export const beginMigrationScript = new Script(
  "",
  `redis.call('HSETNX', prefix .. 'meta', 'migration', arg())
return redis.call('HGET', prefix .. 'meta', 'migration')`,
);

/** The fields of a record and of its content: as for an image, also of a destroyed actor. */
export const archiveRowScript = new Script(
  "no-writes",
  `return redis.call('HMGET', key('actor', arg()), 'n', 'k', 'e', 'v', 'ca', 'da', 'wa', 'pl', 'ps', 'pn')`,
);

/** Whether a node runs: one of the sessions has not expired. */
export const hasNodesScript = new Script(
  "no-writes",
  `local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
for _, session in ipairs(redis.call('HVALS', prefix .. 'sessions')) do
  if tonumber(string.match(session, '^%d+')) > now then return 1 end
end
return 0`,
);
