// Asks for one operation after the other on one association and hears reports on its own port:
// PORT OWN-PORT REPORTS [request …], where REPORTS is how many it waits for and a request is one line of the table below.

const dimse = require('dcmjs-dimse');
const { Client, Server, Scp, Dataset } = dimse;
const { CFindRequest, NActionRequest, NCreateRequest, NGetRequest, NSetRequest } = dimse.requests;
const { NCreateResponse, NEventReportResponse } = dimse.responses;
const { TransferSyntax, PresentationContextResult, Status } = dimse.constants;
const [, , port, own, reports, asked] = process.argv;

const MAKE = {
  worklist: ({ keys }) => CFindRequest.createWorklistFindRequest(keys),
  create: ({ sop_class, instance, meta }) => new NCreateRequest(sop_class, instance, meta),
  set: ({ sop_class, instance, meta }) => new NSetRequest(sop_class, instance, meta),
  get: ({ sop_class, instance, meta, attributes }) => new NGetRequest(sop_class, instance, attributes, meta),
  action: ({ sop_class, instance, meta, action }) => new NActionRequest(sop_class, instance, action, meta),
};
const PLAIN = [TransferSyntax.ImplicitVRLittleEndian, TransferSyntax.ExplicitVRLittleEndian];

let waited = Number(reports);
let answered = false;
const say = (said) => console.log(JSON.stringify(said));
const endWhenDone = () => { if (answered && waited <= 0) setTimeout(() => process.exit(0), 300); };

class Ear extends Scp {
  associationRequested(association) {
    for (const { context } of association.getPresentationContexts())
      for (const syntax of context.getTransferSyntaxUids())
        if (PLAIN.includes(syntax)) context.setResult(PresentationContextResult.Accept, syntax);
    this.sendAssociationAccept();
  }
  nEventReportRequest(request, callback) {
    this.hear(request, callback, NEventReportResponse, request.getEventTypeId());
  }
  nCreateRequest(request, callback) { // a notification
    this.hear(request, callback, NCreateResponse, 0);
  }
  hear(request, callback, Response, event) {
    const response = Response.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
    say({ event, instance: request.getAffectedSopInstanceUid(), told: request.getDataset().getElements() });
    waited -= 1;
    endWhenDone();
  }
  associationReleaseRequested() { this.sendAssociationReleaseResponse(); }
}

const client = new Client();
JSON.parse(asked).forEach((wanted, number) => {
  const request = MAKE[wanted.operation](wanted);
  if (wanted.dataset) request.setDataset(new Dataset(wanted.dataset));
  request.on('response', (response) => say({
    number,
    status: response.getStatus(),
    dataset: response.hasDataset() ? response.getDataset().getElements() : null,
  }));
  client.addRequest(request);
});
client.on('networkError', (error) => { console.error(String(error)); process.exit(2); });
client.on('closed', () => { answered = true; endWhenDone(); });
const server = new Server(Ear);
server.on('networkError', (error) => console.error('server', String(error)));
server.listen(Number(own));
client.send('127.0.0.1', Number(port), 'DCMJS', 'SURET');
setTimeout(() => process.exit(3), 40000);
