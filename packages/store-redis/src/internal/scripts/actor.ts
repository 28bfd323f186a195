import { Script } from "./script.ts";

/** Fields of a record and of its content, as `rowOf` reads them. */
const fields = "'n', 'k', 'e', 'v', 'ca', 'da', 'wa', 'pl', 'cu', 'dv', 'ps', 'pn', 'sv'";

/** The values of a state from a snapshot on. */
const readState = `
local function readState(id, from)
  local versions, values = {}, {}
  for _, entry in ipairs(redis.call('ZRANGEBYSCORE', key('log', id), from, '+inf')) do
    versions[#versions + 1] = string.match(entry, '^%d+')
  end
  inChunks(versions, 1000, function(chunk)
    for _, value in ipairs(redis.call('HMGET', key('state', id), unpack(chunk))) do
      values[#values + 1] = value
    end
  end)
  return values
end
`;

/** Raises the epoch; returns the row, the state and whether there are large objects. Nothing for a missing actor. */
export const acquireScript = new Script(
  "allow-oom",
  `${readState}
local id = arg()
local row = key('actor', id)
if redis.call('EXISTS', row) == 0 or redis.call('HEXISTS', row, 'da') == 1 then return false end
redis.call('HINCRBY', row, 'e', 1)
local r = redis.call('HMGET', row, ${fields})
return {r, r[13] and readState(id, r[13]) or {}, redis.call('EXISTS', key('blob', id))}`,
);

/** The content of a database by its row: epoch, version, and version, page size and pages of the database. */
export const acquiredScript = new Script(
  "no-writes",
  `local row = key('actor', arg())
if redis.call('EXISTS', row) == 0 or redis.call('HEXISTS', row, 'da') == 1 then return false end
return redis.call('HMGET', row, 'e', 'v', 'dv', 'ps', 'pn')`,
);

/** The numbers of the pages that are newer than a version. */
export const newerPagesScript = new Script(
  "no-writes",
  "return redis.call('ZRANGEBYSCORE', key('pages', arg()), '(' .. arg(), '+inf')",
);

/** The state at a time: the last snapshot until then, and the patches between. */
export const stateAtScript = new Script(
  "no-writes",
  `local id, at = arg(), tonumber(arg())
local versions = {}
for _, entry in ipairs(redis.call('ZRANGE', key('log', id), 0, -1)) do
  local version, kind, written = string.match(entry, '^(%d+):(%a):(-?%d+):')
  if tonumber(written) <= at then
    if kind == 's' then versions = {version} elseif #versions > 0 then versions[#versions + 1] = version end
  end
end
local values = {}
inChunks(versions, 1000, function(chunk)
  for _, value in ipairs(redis.call('HMGET', key('state', id), unpack(chunk))) do
    values[#values + 1] = value
  end
end)
return values`,
);

/** A call record, unless its actor was destroyed. */
export const callScript = new Script(
  "no-writes",
  `local id = arg()
if redis.call('HEXISTS', key('actor', id), 'da') == 1 then return false end
return redis.call('GET', key('call', id .. ':' .. arg()))`,
);

/** Entries in a range of keys, in order: keys and values by turns, up to a number and about a size. */
export const entriesScript = new Script(
  "no-writes",
  `local keys, values, first, last = arg(), arg(), arg(), arg()
local limit, maxBytes, isReverse = tonumber(arg()), tonumber(arg()), arg() == '1'
local found, size = {}, 0
while limit > 0 and size < maxBytes do
  local count = math.min(limit, 256)
  local part
  if isReverse then
    part = redis.call('ZREVRANGEBYLEX', keys, last, first, 'LIMIT', 0, count)
  else
    part = redis.call('ZRANGEBYLEX', keys, first, last, 'LIMIT', 0, count)
  end
  if #part == 0 then break end
  local stored = redis.call('HMGET', values, unpack(part))
  for i, name in ipairs(part) do
    if size >= maxBytes then break end
    found[#found + 1] = name
    found[#found + 1] = stored[i]
    size = size + #name + #stored[i]
  end
  if #part < count then break end
  limit = limit - #part
  if isReverse then last = '(' .. part[#part] else first = '(' .. part[#part] end
end
return found`,
);

/** Writes the place of an actor that no node runs. */
export const placeScript = new Script(
  "",
  `local row, epoch, place = key('actor', arg()), arg(), arg()
local r = redis.call('HMGET', row, 'e', 'da')
if r[1] ~= epoch or r[2] then return 0 end
if place == '' then redis.call('HDEL', row, 'pl') else redis.call('HSET', row, 'pl', place) end
return 1`,
);

/**
 * Copies an actor as it is now, for a reader that takes its time, and returns its row. The copy ends by itself, should
 * nobody remove it. The bytes of large objects never change, so only their list is copied.
 */
export const imageScript = new Script(
  "",
  `local id, copy, ttl = arg(), arg(), tonumber(arg())
local row = key('actor', id)
if redis.call('EXISTS', row) == 0 or redis.call('HEXISTS', row, 'da') == 1 then return false end
for _, kind in ipairs({'state', 'log', 'kv', 'kvk', 'page', 'blob'}) do
  local to = key('image', copy .. ':' .. kind)
  -- An attempt whose answer was lost may have left an older one.
  redis.call('UNLINK', to)
  if redis.call('COPY', key(kind, id), to) == 1 then redis.call('PEXPIRE', to, ttl) end
end
-- Ends before the rest: while it exists, what was read was complete.
redis.call('SET', key('image', copy .. ':mark'), '', 'PX', math.ceil(ttl * 0.9))
return redis.call('HMGET', row, ${fields})`,
);
