// Makes each call that dicomweb-client has, and says of each what came, one JSON object a line:
// URL TOKEN BULKDATA [file …], where BULKDATA is the tag whose bulk data are fetched and the files are of one study.

const fs = require('fs');
const crypto = require('crypto');
global.XMLHttpRequest = require('xhr2');
const { api } = require('dicomweb-client');

const [, , url, token, bulkdata, ...files] = process.argv;
const client = new api.DICOMwebClient({ url, headers: { Authorization: `Bearer ${token}` } });

const octets = (value) => {
  const bytes = Buffer.from(value);
  return { bytes: bytes.length, sha256: crypto.createHash('sha256').update(bytes).digest('hex'), begins: bytes.subarray(0, 132).toString('latin1') };
};
const said = (value) => {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return octets(value);
  if (Array.isArray(value)) return value.map(said);
  return value;
};

const first = (dataset, tag) => dataset[tag].Value[0];

(async () => {
  const datasets = files.map((file) => new Uint8Array(fs.readFileSync(file)).buffer);
  const tell = async (call, options) => {
    const value = await client[call](options);
    console.log(JSON.stringify({ call, result: said(value) }));
    return value;
  };
  const stored = await client.storeInstances({ datasets });
  const report = JSON.parse(typeof stored === 'string' ? stored : JSON.stringify(stored));
  console.log(JSON.stringify({ call: 'storeInstances', result: report }));

  const [study] = await tell('searchForStudies', { queryParams: { limit: 1 } });
  const studyInstanceUID = first(study, '0020000D');
  const [series] = await tell('searchForSeries', { studyInstanceUID });
  const seriesInstanceUID = first(series, '0020000E');
  const [instance] = await tell('searchForInstances', { studyInstanceUID, seriesInstanceUID });
  const one = { studyInstanceUID, seriesInstanceUID, sopInstanceUID: first(instance, '00080018') };

  await tell('retrieveStudyMetadata', { studyInstanceUID });
  await tell('retrieveSeriesMetadata', { studyInstanceUID, seriesInstanceUID });
  const metadata = await tell('retrieveInstanceMetadata', one);
  const [described] = Array.isArray(metadata) ? metadata : [metadata];
  await tell('retrieveBulkData', { BulkDataURI: described[bulkdata].BulkDataURI });

  await tell('retrieveStudy', { studyInstanceUID });
  await tell('retrieveSeries', { studyInstanceUID, seriesInstanceUID });
  await tell('retrieveInstance', one);
  const frame = { ...one, frameNumbers: [1] };
  await tell('retrieveInstanceFrames', frame);
  await tell('retrieveInstanceRendered', { ...one, mediaTypes: [{ mediaType: 'image/png' }] });
  await tell('retrieveInstanceThumbnail', { ...one, mediaTypes: [{ mediaType: 'image/jpeg' }] });
  await tell('retrieveInstanceFramesRendered', { ...frame, mediaTypes: [{ mediaType: 'image/jpeg' }] });
  await tell('retrieveInstanceFramesThumbnail', { ...frame, mediaTypes: [{ mediaType: 'image/png' }] });
})().catch((error) => {
  console.error(error && error.message, error && error.response && String(error.response).slice(0, 300));
  process.exit(1);
});
