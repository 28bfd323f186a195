import { Script } from "./script.ts";

/** Fields of a record, in the order of {@link rowFields}. */
const fields = "'n', 'k', 'e', 'v', 'ca', 'da', 'wa', 'pl'";

export const getScript = new Script(
  "no-writes",
  `return redis.call('HMGET', key('actor', arg()), ${fields})`,
);

export const findScript = new Script(
  "no-writes",
  `local id = redis.call('HGET', prefix .. 'keys', arg())
if not id then return false end
return {id, redis.call('HMGET', key('actor', id), ${fields})}`,
);

/** The fields that settle a commit with an unknown outcome. */
export const settleScript = new Script(
  "no-writes",
  `return redis.call('HMGET', key('actor', arg()), 'e', 'v', 'c', 'da', 'sv')`,
);

const matches = `
local keyPrefix, createdAfter, mode, namespaces = arg(), tonumber(arg()), arg(), {}
for i = 1, tonumber(arg()) do namespaces[arg()] = true end
local function matches(r)
  if not r[1] or r[6] then return false end
  if string.sub(r[2], 1, #keyPrefix) ~= keyPrefix or tonumber(r[5]) <= createdAfter then return false end
  if mode == '' then return true end
  local listed = namespaces[string.match(r[1], '^([^:]*):') or ''] == true
  return listed == (mode == 'only')
end
`;

/**
 * A page of existing actors: those that match among the next rows, and the id up to which it has looked; empty at the
 * end.
 */
export const listScript = new Script(
  "no-writes",
  `local ids, after, limit, budget = arg(), arg(), tonumber(arg()), tonumber(arg())
${matches}
local found = {}
local from = after == '' and '-' or '(' .. after
while budget > 0 do
  local size = math.min(budget, 256)
  local part = redis.call('ZRANGEBYLEX', ids, from, '+', 'LIMIT', 0, size)
  for _, id in ipairs(part) do
    local r = redis.call('HMGET', key('actor', id), ${fields})
    if matches(r) then
      found[#found + 1] = {id, r}
      if #found == limit then return {id, found} end
    end
    after = id
  end
  if #part < size then return {'', found} end
  from = '(' .. after
  budget = budget - size
end
return {after, found}`,
);

/** The same, for their number. */
export const countScript = new Script(
  "no-writes",
  `local ids, after, budget = arg(), arg(), tonumber(arg())
${matches}
local from = after == '' and '-' or '(' .. after
local part = redis.call('ZRANGEBYLEX', ids, from, '+', 'LIMIT', 0, budget)
local n = 0
for _, id in ipairs(part) do
  if matches(redis.call('HMGET', key('actor', id), ${fields})) then n = n + 1 end
end
return {#part < budget and '' or part[#part], n}`,
);

/**
 * Wake-ups in order of time and id, from a position on. An id of the eighth version ends with the hash that gives its
 * shard, of which the argument \`held\` says by a character for each whether it is selected; empty selects all.
 * Returns those that are due, or with \`ahead\` the ones after them too; then the time of the first one that is not
 * due, and the position up to which it has looked, empty at the end of what is needed.
 */
export const dueScript = new Script(
  "no-writes",
  `local now, limit, budget, ahead = tonumber(arg()), tonumber(arg()), tonumber(arg()), arg() == '1'
local wake, after, held = arg(), arg(), arg()
local function isSelected(id)
  if held == '' then return true end
  local hash = string.sub(id, 15, 15) == '8' and tonumber(string.sub(id, -4), 16)
  if not hash then
    local kh = redis.call('HGET', key('actor', id), 'kh')
    if not kh then return false end
    hash = string.byte(kh, 1) * 256 + string.byte(kh, 2)
  end
  return string.sub(held, hash % #held + 1, hash % #held + 1) == '1'
end
local found, nextAt, offset, last = {}, '', 0, wake
while budget > 0 do
  local size = math.min(budget, 256)
  local part = redis.call('ZRANGEBYSCORE', prefix .. 'due', wake, '+inf', 'WITHSCORES', 'LIMIT', offset, size)
  for i = 1, #part, 2 do
    local id, score = part[i], tonumber(part[i + 1])
    local isAfter = score > tonumber(last) or id > after
    if isAfter then
      last, after = part[i + 1], id
      if isSelected(id) then
        if score > now and not ahead then return {found, part[i + 1], '', ''} end
        found[#found + 1] = {id, redis.call('HMGET', key('actor', id), ${fields})}
        if #found == limit then return {found, nextAt, last, after} end
      end
    end
  end
  if #part < 2 * size then return {found, nextAt, '', ''} end
  offset = offset + size
  budget = budget - size
end
return {found, nextAt, last, after}`,
);
