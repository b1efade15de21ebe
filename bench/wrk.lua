-- What wrk asks for, and what it says at the end. Arguments: `track ORDERS`, public views of orders by chance, in a
-- database that sql/seed.sql has filled; `lines FILE`, of each line in turn by chance the path and, behind a tab, the token;
-- or nothing, and it is the address alone.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local function get(path, token)
  local headers = {}
  if token then headers["Authorization"] = "Bearer " .. token end
  return wrk.format("GET", path, headers)
end

function init(arguments)
  math.randomseed(tonumber(arguments[#arguments]) + number)
  if arguments[1] == "track" then
    local orders = tonumber(arguments[2])
    local before, after = get("/api/v1/track/@"):match("^(.-)@(.*)$")
    request = function()
      local n = math.random(0, orders - 1)
      return before .. string.format("%d", 1e9 + n * 6364136227 % 9e9) .. after
    end
  elseif arguments[1] == "lines" then
    local requests = {}
    for line in io.lines(arguments[2]) do
      local path, token = line:match("^([^\t]*)\t?(.*)$")
      requests[#requests + 1] = get(path, token ~= "" and token or nil)
    end
    request = function() return requests[math.random(#requests)] end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("\nresult %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
