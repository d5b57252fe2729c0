// One service without generated code: a call with one answer, one with many.
const asJson = {
  requestSerialize: (value) => Buffer.from(JSON.stringify(value)),
  requestDeserialize: (bytes) => JSON.parse(bytes.toString()),
  responseSerialize: (value) => Buffer.from(JSON.stringify(value)),
  responseDeserialize: (bytes) => JSON.parse(bytes.toString()),
};

export const service = {
  echo: { path: '/Test/Echo', requestStream: false, responseStream: false, ...asJson },
  count: { path: '/Test/Count', requestStream: false, responseStream: true, ...asJson },
};
