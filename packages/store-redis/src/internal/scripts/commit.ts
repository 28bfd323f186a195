import { Script } from "./script.ts";

/**
 * Removes everything of the actor \`id\` but its row, and the objects that \`blob\` refers to.
 */
export const removeContent = `
local function removeContent(id)
  local blobs = redis.call('HVALS', key('blob', id))
  for _, value in ipairs(blobs) do
    redis.call('UNLINK', key('piece', id .. ':' .. string.match(value, '^[^:]*')))
  end
  for _, kind in ipairs({'state', 'log', 'kv', 'kvk', 'page', 'pages', 'blob'}) do
    redis.call('UNLINK', key(kind, id))
  end
end
`;

/** Adds a row to the indexes. */
export const index = `
local function index(id, name, hash)
  redis.call('HSET', prefix .. 'keys', hash, id)
  redis.call('ZADD', prefix .. 'ids', 0, id)
  redis.call('ZADD', key('named', name), 0, id)
end
`;

/** Writes pages of a database, given as arguments, and removes those beyond its end. */
export const putPages = `
local function putPages(id, version, count, before, after)
  local bytes, versions = {}, {}
  for i = 1, count do
    local no = arg()
    bytes[#bytes + 1] = no
    bytes[#bytes + 1] = arg()
    versions[#versions + 1] = version
    versions[#versions + 1] = no
  end
  inChunks(bytes, 1000, function(chunk) redis.call('HSET', key('page', id), unpack(chunk)) end)
  inChunks(versions, 1000, function(chunk) redis.call('ZADD', key('pages', id), unpack(chunk)) end)
  local removed = {}
  for no = after + 1, before do removed[#removed + 1] = string.format('%.0f', no) end
  inChunks(removed, 1000, function(chunk)
    redis.call('HDEL', key('page', id), unpack(chunk))
    redis.call('ZREM', key('pages', id), unpack(chunk))
  end)
end
`;

/** Adds an entry to the log of a state. */
export const putState = `
local function putState(id, version, kind, at, bytes)
  redis.call('HSET', key('state', id), version, bytes)
  redis.call('ZADD', key('log', id), version, version .. ':' .. kind .. ':' .. at .. ':' .. #bytes)
end
`;

/**
 * Removes history beyond the limits, always from one snapshot up to the next, since patches need the snapshot before
 * them. A segment is kept while it was current after the cut-off, and its bytes with those of all later segments fit.
 */
const pruneState = `
local function pruneState(id, version, now, cutoff, maxBytes)
  local log = key('log', id)
  local keep, size, from, next = tonumber(version), 0, 0, tonumber(now)
  local isOver = false
  while not isOver do
    local part = redis.call('ZREVRANGEBYSCORE', log, '(' .. version, '-inf', 'LIMIT', from, 100)
    if #part == 0 then break end
    from = from + #part
    for _, entry in ipairs(part) do
      local v, kind, at, bytes = string.match(entry, '^(%d+):(%a):(-?%d+):(%d+)$')
      size = size + tonumber(bytes)
      if size > maxBytes then isOver = true; break end
      if kind == 's' then
        if next <= cutoff then isOver = true; break end
        keep, next = tonumber(v), tonumber(at)
      end
    end
  end
  local below = '(' .. string.format('%.0f', keep)
  local old = redis.call('ZRANGEBYSCORE', log, '-inf', below)
  local versions = {}
  for _, entry in ipairs(old) do versions[#versions + 1] = string.match(entry, '^%d+') end
  inChunks(versions, 1000, function(chunk) redis.call('HDEL', key('state', id), unpack(chunk)) end)
  if #old > 0 then redis.call('ZREMRANGEBYSCORE', log, '-inf', below) end
end
`;

/** Applies one operation on entries: its kind, key and value are the next arguments. */
export const applyEntry = `
local function applyEntry(id)
  local kind, first, second = arg(), arg(), arg()
  local keys, values = key('kvk', id), key('kv', id)
  if kind == 'put' then
    redis.call('HSET', values, first, second)
    redis.call('ZADD', keys, 0, first)
  elseif kind == 'delete' then
    redis.call('HDEL', values, first)
    redis.call('ZREM', keys, first)
  else
    local last = kind == 'range' and '(' .. second or '+'
    local gone = redis.call('ZRANGEBYLEX', keys, '[' .. first, last)
    inChunks(gone, 1000, function(chunk) redis.call('HDEL', values, unpack(chunk)) end)
    if #gone > 0 then redis.call('ZREMRANGEBYLEX', keys, '[' .. first, last) end
  end
end
`;

/**
 * One turn. The row is written last: should the script fail in the middle, because another program has changed a key,
 * the version stays as it was.
 */
const body = `
${removeContent}${index}${putPages}${putState}${pruneState}${applyEntry}
local id, epoch, before, version, commit = arg(), arg(), arg(), arg(), arg()
local wake, destroyed, callsUntil, now = arg(), arg(), tonumber(arg()), arg()
local kind, state, cutoff, maxBytes = arg(), arg(), tonumber(arg()), tonumber(arg())
local pageSize, pageCount, changedPages = arg(), arg(), tonumber(arg())
local isNew = arg() == '1'
local row = key('actor', id)
local name, address, hash, created, place
local knownCalls, knownPages = 0, 0
if isNew then
  name, address, hash, created, place = arg(), arg(), arg(), arg(), arg()
  if redis.call('EXISTS', row) == 1 or redis.call('HEXISTS', prefix .. 'keys', hash) == 1 then
    return redis.error_reply('FENCED The actor or its key exists')
  end
else
  local r = redis.call('HMGET', row, 'e', 'v', 'da', 'sv', 'n', 'kh', 'cu', 'pn')
  if r[1] ~= epoch or r[2] ~= before or r[3] or (kind == 'p' and not r[4]) then
    return redis.error_reply('FENCED Another owner has taken over')
  end
  name, hash = r[5], r[6]
  knownCalls, knownPages = tonumber(r[7] or 0), tonumber(r[8] or 0)
end
local entries, calls = tonumber(arg()), tonumber(arg())
local fields = {'e', epoch, 'v', version, 'c', commit}
local function set(field, value) fields[#fields + 1] = field; fields[#fields + 1] = value end
if isNew then
  set('n', name); set('k', address); set('kh', hash); set('ca', created)
  if place ~= '' then set('pl', place) end
end
if destroyed ~= '' then
  removeContent(id)
  set('da', destroyed)
  redis.call('ZREM', prefix .. 'due', id)
  if not isNew then
    redis.call('HDEL', prefix .. 'keys', hash)
    redis.call('ZREM', prefix .. 'ids', id)
    redis.call('ZREM', key('named', name), id)
    redis.call('HDEL', row, 'wa', 'sv', 'cu', 'ps', 'pn', 'dv')
  end
  redis.call('HSET', row, unpack(fields))
  return 1
end
if isNew then index(id, name, hash) end
if kind ~= '' then
  putState(id, version, kind, now, state)
  if kind == 's' then
    set('sv', version)
    if not isNew then pruneState(id, version, now, cutoff, maxBytes) end
  end
end
for i = 1, entries do applyEntry(id) end
for i = 1, calls do
  local call, ttl, value = key('call', id .. ':' .. arg()), arg(), arg()
  redis.call('SET', call, value, 'PX', ttl)
end
if callsUntil > knownCalls then set('cu', string.format('%.0f', callsUntil)) end
if pageCount ~= '' then
  putPages(id, version, changedPages, knownPages, tonumber(pageCount))
  set('ps', pageSize); set('pn', pageCount); set('dv', version)
end
if wake == '-' then
  redis.call('ZREM', prefix .. 'due', id)
  redis.call('HDEL', row, 'wa')
elseif wake ~= '' then
  redis.call('ZADD', prefix .. 'due', wake, id)
  set('wa', wake)
end
redis.call('HSET', row, unpack(fields))
return 1
`;

export const commitScript = new Script("", body);
/** The same for a turn that destroys its actor, which a server whose memory is full accepts too. */
export const destroyScript = new Script("allow-oom", body);

export const turnScripts = [commitScript, destroyScript] as const;
