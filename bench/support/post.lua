-- For wrk: posts its first argument as the body of every request.
function init(args)
  wrk.method = 'POST'
  wrk.body = args[1]
  wrk.headers['content-type'] = 'application/json'
end
